//! `circuits selftest`: tests everything that `run` needs, one line a step, with a cure for what fails.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use circuits::config::{ConfigError, Settings};
use circuits::selftest::{self, Check, State};
use circuits::{Failure, registrations};
use circuits_deploy::report;
use circuits_journal::EventLog;
use serde_json::{Value, json};

use crate::exit::{self, Told};
use crate::overrides::Overrides;
use crate::selection::Selection;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const PALE: Style = AnsiColor::Yellow.on_default();

/// The notes at the end of `--help`.
const NOTES: &str = "\
No message is taken away: each subscription has room for one that is never acknowledged; it goes back to its queue at the
end, marked as redelivered, and a runner handles it as any other. No step takes longer than selftest_timeout (default 10 s).
Ends with the exit code of the first step that failed, see `circuits --help`.";

/// Arguments of `circuits selftest`.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Print JSON: {"passed": true, "exit_code": 0, "steps": [{"name", "state", "detail", "cure", "seconds"}]}.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// One line of the report.
struct Line {
    name: String,
    state: &'static str,
    style: Style,
    detail: String,
    cure: Option<String>,
    took: Duration,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let mut printer = Printer { json: args.json, lines: Vec::new(), broken: None };
    let code = match test(&args, &mut printer) {
        Ok(code) => code,
        Err(error) => exit::code(&error),
    };
    printer.finish(code)?;
    if code == 0 { Ok(()) } else { Err(Told(code).into()) }
}

fn test(args: &Args, printer: &mut Printer) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let loaded = args.overrides.load().and_then(|config| {
        let linked = args.selection.of(&registrations(), &config.settings().noload)?;
        Ok((config, linked))
    });
    let (config, linked) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            let place = error.is::<ConfigError>();
            printer.print(Line {
                name: "configuration".to_owned(),
                state: "failed",
                style: BAD,
                detail: format!("{error:#}"),
                cure: place.then(|| {
                    "correct what is named; `circuits config check` looks at the file alone".to_owned()
                }),
                took: begun.elapsed(),
            });
            return Err(error);
        }
    };
    let file = config.file().map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
    let warnings: String = config.warnings().iter().map(|warning| format!("\n{warning}")).collect();
    printer.print(Line {
        name: "configuration".to_owned(),
        state: "ok",
        style: GOOD,
        detail: format!("{file}, components: {}{warnings}", linked.len()),
        cure: None,
        took: begun.elapsed(),
    });
    let unsound = journal(config.settings(), printer);
    let limit = config.settings().selftest_timeout;
    let runtime = tokio::runtime::Runtime::new()?;
    let steps = runtime.block_on(async {
        selftest::run(Arc::new(config), &linked, limit, report, |_| {}, |step| printer.print(Line::new(step)))
            .await
    });
    // A name look-up may hang on its own thread; it must not delay the end.
    runtime.shutdown_background();
    let code = unsound.then_some(exit::GENERAL);
    Ok(code.unwrap_or_else(|| steps.iter().find_map(Check::failure).map_or(0, exit::code_of)))
}

/// Checks that the journal can be opened, or that a runner already has it open; creates none. Returns true on failure.
fn journal(settings: &Settings, printer: &mut Printer) -> bool {
    let begun = Instant::now();
    let outcome = match &settings.journal {
        None => Ok("off: messages are remembered until the process ends".to_owned()),
        Some(path) if !path.exists() => folder_of(path),
        Some(path) => match EventLog::open(path) {
            Ok(log) if log.is_in_use() => Ok(format!("{}, which a runner has open", path.display())),
            Ok(_) => Ok(path.display().to_string()),
            Err(error) => Err(error.to_string()),
        },
    };
    let failed = outcome.is_err();
    let (state, style) = if failed { ("failed", BAD) } else { ("ok", GOOD) };
    let detail = outcome.unwrap_or_else(|error| error);
    printer.print(Line {
        name: "journal".to_owned(),
        state,
        style,
        detail,
        cure: None,
        took: begun.elapsed(),
    });
    failed
}

/// Checks that a journal could be created there.
fn folder_of(path: &Path) -> Result<String, String> {
    let folder = path.ancestors().skip(1).find(|folder| folder.exists() || folder.as_os_str().is_empty());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(format!("{}, which the first run will make", path.display())),
        Err(error) => Err(format!(
            "the journal {} cannot be made: {error}. Let this user write to {}, or name another file with journal=",
            path.display(),
            folder.display()
        )),
    }
}

impl Line {
    fn new(step: &Check) -> Self {
        let (state, style, detail) = match step.state() {
            State::Passed(text) => ("ok", GOOD, text.clone()),
            State::Failed(error) => ("failed", BAD, error.to_string()),
            State::Skipped(why) => ("skipped", PALE, why.clone()),
        };
        // A cure that the error itself names is more specific.
        let (detail, own) = split(&detail);
        let cure = own.or_else(|| step.failure().and_then(cure).map(str::to_owned));
        Self { name: step.name().to_owned(), state, style, detail, cure, took: step.took() }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "state": self.state,
            "detail": self.detail,
            "cure": self.cure,
            "seconds": self.took.as_secs_f64(),
        })
    }
}

/// A failure's text, and the cures that it names on separate lines.
fn split(text: &str) -> (String, Option<String>) {
    let (hints, told): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("  hint: "));
    let cure: Vec<_> = hints.iter().map(|hint| hint.trim_start_matches("  hint: ")).collect();
    (told.join("\n"), Some(cure.join("; ")).filter(|cure| !cure.is_empty()))
}

/// The cure, for failures whose text does not name one.
fn cure(failure: Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::RestConnection => {
            "is the platform up, are host, port and the proxy right? Try the address in a browser on this machine; a 403 means \
             that the account lacks a permission"
        }
        Failure::RestUnauthorised => {
            "the login is valid, but this call is refused: look at the account's permissions"
        }
        Failure::CaFile => "name a readable PEM file with cafile= or stomp_cafile= in [resilient]",
        Failure::Org => {
            "set org= in [resilient] to the organisation's exact name, and make the account a member of it"
        }
        Failure::Credentials => {
            "correct api_key_id and api_key_secret (or email and password) in [resilient]"
        }
        Failure::Stomp => "look at stomp_host, stomp_port, and the firewalls on the way to them",
        Failure::StompCredentials => {
            "if the REST login failed too, correct the credentials first; otherwise give the API key the right to read its queues"
        }
        Failure::StompQueue => {
            "create the message destination with `circuits customize`, or add this account to it on the platform (Administrator \
             Settings, Message Destinations)"
        }
        Failure::StompTimeout => {
            "the broker is connected but silent: look at its log and load, or raise selftest_timeout="
        }
        _ => return None,
    })
}

/// Prints each line as it comes, or all of them as JSON at the end.
struct Printer {
    json: bool,
    lines: Vec<Line>,
    /// Set when nobody reads the output any more; the test continues, because its exit code still counts.
    broken: Option<std::io::Error>,
}

impl Printer {
    fn print(&mut self, line: Line) {
        if !self.json && self.broken.is_none() {
            self.broken = show(&line).err();
        }
        self.lines.push(line);
    }

    fn finish(self, code: u8) -> std::io::Result<()> {
        let failed = self.lines.iter().filter(|line| line.state == "failed").count();
        if self.broken.is_some() {
            return Ok(());
        }
        let mut out = anstream::stdout();
        let written = if self.json {
            let steps: Vec<_> = self.lines.iter().map(Line::json).collect();
            let report = json!({"passed": code == 0, "exit_code": code, "steps": steps});
            writeln!(out, "{report:#}")
        } else if failed == 0 {
            writeln!(out, "{GOOD}selftest complete{GOOD:#}: `circuits run` can start")
        } else {
            writeln!(
                out,
                "{BAD}selftest failed{BAD:#}: {failed} of {} steps, exit code {code}",
                self.lines.len()
            )
        };
        written.or_else(
            |error| {
                if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
            },
        )
    }
}

fn show(line: &Line) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    let Line { name, state, style, detail, cure, took } = line;
    let indent = format!("\n{:10}", "");
    writeln!(
        out,
        "{style}{state:<8}{style:#}  {name} ({:.2} s): {}",
        took.as_secs_f64(),
        detail.replace('\n', &indent)
    )?;
    if let Some(cure) = cure {
        writeln!(out, "{:10}cure: {cure}", "")?;
    }
    out.flush()
}
