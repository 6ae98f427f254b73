//! `circuits db`: the journal's file as a whole.

use std::cmp::Ordering;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use circuits_journal::{EventLog, Options, SqliteJournal};
use serde_json::{Value, json};

use crate::event_log::{local, open, utc};
use crate::exit::{self, Told};
use crate::overrides::Overrides;

/// Arguments of `circuits db`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read the whole file: what is in it, and whether it is sound. Exit code 1 if it is not.
    Check(Check),
    /// Bring everything from the write-ahead log into the file, so that the file alone can be copied. Makes or upgrades the file if
    /// necessary.
    Sync(Sync),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Only say whether the file's schema is exactly that of this version; change nothing.
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
            let path = journal_path(&args.overrides)?;
            let (found, newest) = EventLog::schema(&path)?;
            let path = path.display();
            match found.cmp(&newest) {
                Ordering::Less => bail!(
                    "the journal {path} has the schema {found}; this version's is {newest}. `circuits db sync` brings it up to date"
                ),
                Ordering::Greater => bail!(
                    "the journal {path} was written by a newer version of circuits: its schema is {found}, this version's is \
                     {newest}. Run that version"
                ),
                Ordering::Equal => {
                    anstream::println!("The journal's schema is {newest}, that of this version.");
                    Ok(())
                }
            }
        }
        Command::Check(args) => check(args),
        Command::Sync(args) => {
            let path = journal_path(&args.overrides)?;
            if std::fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
                drop(SqliteJournal::open(&Options::new(&path))?);
            }
            if !open(&args.overrides)?.sync()? {
                bail!(
                    "somebody reads or writes the journal at the moment, so a part stays in its log; try again"
                );
            }
            anstream::println!("Everything is in the journal's file.");
            Ok(())
        }
    }
}

fn journal_path(overrides: &Overrides) -> anyhow::Result<PathBuf> {
    let journal = overrides.load()?.settings().journal.clone();
    journal.context("the journal is off (journal=off)")
}

fn check(args: Check) -> anyhow::Result<()> {
    let found = open(&args.overrides)?.check()?;
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
        let verdict = if found.faults.is_empty() {
            "The journal is sound."
        } else {
            "The journal is damaged. Stop the runner, move the file and those named like it away and start again: what the broker \
             still has un-acknowledged is then handled as new, finished or not."
        };
        writeln!(out, "{verdict}")?;
    }
    if found.faults.is_empty() { Ok(()) } else { Err(Told(exit::GENERAL).into()) }
}
