//! `circuits db`: the files of the journal and of the store as a whole.

use std::cmp::Ordering;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use circuits_journal::{EventLog, Options, SqliteJournal, SqliteStore};
use serde_json::{Value, json};

use crate::event_log::{local, open, utc};
use crate::exit::{self, Told};
use crate::overrides::Overrides;
use crate::records::wait;

/// Arguments of `circuits db`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read the whole journal, and the store: what is in them, and whether they are sound. Exit code 1 if they are not.
    Check(Check),
    /// Bring everything from the write-ahead logs into the files of the journal and the store, so that the files alone can be copied.
    /// Makes or upgrades the files if necessary.
    Sync(Sync),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Only say whether the schemas are exactly those of this version; change nothing.
    #[arg(long, conflicts_with = "json")]
    equal: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Sync {
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Check(args) if args.equal => {
            let files = Files::of(&args.overrides)?;
            equal("journal", &files.journal, EventLog::schema(&files.journal)?)?;
            match files.store.filter(|path| path.exists()) {
                Some(path) => equal("store", &path, SqliteStore::schema(&path)?),
                None => Ok(()),
            }
        }
        Command::Check(args) => check(args),
        Command::Sync(args) => {
            let files = Files::of(&args.overrides)?;
            if std::fs::metadata(&files.journal).map_or(0, |file| file.len()) == 0 {
                drop(SqliteJournal::open(&Options::new(&files.journal))?);
            }
            let mut whole = open(&args.overrides)?.sync()?;
            if let Some(path) = files.store {
                let store = SqliteStore::open(&path)?;
                whole &= wait(store.sync())?;
            }
            if !whole {
                bail!("somebody reads or writes at the moment, so a part stays in a log; try again");
            }
            anstream::println!("Everything is in the files.");
            Ok(())
        }
    }
}

/// Where the journal is, and the store, if it is a file.
struct Files {
    journal: PathBuf,
    store: Option<PathBuf>,
}

impl Files {
    fn of(overrides: &Overrides) -> anyhow::Result<Self> {
        let config = overrides.load()?;
        let settings = config.settings();
        let journal = settings.journal.clone().context("the journal is off (journal=off)")?;
        Ok(Self { journal, store: (settings.store == "sqlite").then(|| settings.store_file.clone()) })
    }
}

fn equal(name: &str, path: &Path, (found, newest): (i32, i32)) -> anyhow::Result<()> {
    let path = path.display();
    match found.cmp(&newest) {
        Ordering::Less => bail!(
            "the {name} {path} has the schema {found}; this version's is {newest}. `circuits db sync` brings it up to date"
        ),
        Ordering::Greater => bail!(
            "the {name} {path} was written by a newer version of circuits: its schema is {found}, this version's is {newest}. Run that \
             version"
        ),
        Ordering::Equal => {
            anstream::println!("The {name}'s schema is {newest}, that of this version.");
            Ok(())
        }
    }
}

fn check(args: Check) -> anyhow::Result<()> {
    let found = open(&args.overrides)?.check()?;
    let store = match Files::of(&args.overrides)?.store.filter(|path| path.exists()) {
        Some(path) => {
            let store = SqliteStore::open(&path)?;
            Some((path, store.bytes(), wait(store.check())?))
        }
        None => None,
    };
    let sound = found.faults.is_empty() && store.as_ref().is_none_or(|(.., faults)| faults.is_empty());
    let mut out = anstream::stdout().lock();
    if args.json {
        let messages: Value =
            found.messages.iter().map(|(status, count)| (status.name().to_owned(), json!(count))).collect();
        let value = json!({
            "sound": found.faults.is_empty(),
            "faults": found.faults,
            "messages": messages,
            "bytes": found.bytes.0,
            "log_bytes": found.bytes.1,
            "oldest": utc(found.oldest),
            "in_use": found.in_use,
            "store": store.as_ref().map(|(path, bytes, faults)| {
                json!({"file": path, "sound": faults.is_empty(), "faults": faults, "bytes": bytes})
            }),
        });
        writeln!(out, "{value:#}")?;
    } else {
        for (status, count) in &found.messages {
            writeln!(out, "{:<10} {count}", status.name())?;
        }
        let oldest = found.oldest.map_or("-".to_owned(), local);
        writeln!(out, "{:<10} {oldest}", "oldest")?;
        writeln!(out, "{:<10} {}, and {} in its write-ahead log", "bytes", found.bytes.0, found.bytes.1)?;
        writeln!(out, "{:<10} {}", "runner", if found.in_use { "has it open" } else { "not up" })?;
        for fault in &found.faults {
            writeln!(out, "fault      {fault}")?;
        }
        let verdict = |faults: &[String], cure: String| match faults {
            [] => "is sound.".to_owned(),
            _ => format!("is damaged. {cure}."),
        };
        writeln!(out, "The journal {}", verdict(&found.faults, EventLog::cure()))?;
        if let Some((path, bytes, faults)) = &store {
            for fault in faults {
                writeln!(out, "fault      {fault}")?;
            }
            let verdict = verdict(faults, SqliteStore::cure());
            writeln!(out, "The store {} ({bytes} bytes) {verdict}", path.display())?;
        }
    }
    if sound { Ok(()) } else { Err(Told(exit::GENERAL).into()) }
}
