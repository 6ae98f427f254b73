//! `circuits config check`: everything that is wrong in app.config, in one run.

use std::io::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use circuits::registrations;
use circuits::selftest::{Checked, check_config};
use serde_json::json;

use crate::exit::{self, Told};
use crate::overrides::Overrides;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const PALE: Style = AnsiColor::Yellow.on_default();

/// Arguments of `circuits config check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file [default: $APP_CONFIG_FILE, ./app.config, ~/.resilient/app.config].
    #[arg(conflicts_with = "config_file")]
    file: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Print JSON: {"file", "faults", "warnings", "notes"}.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let overrides = args.file.map_or(args.overrides.clone(), |file| args.overrides.with_file(file));
    let Checked { file, faults, warnings, notes } = tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(check_config(&overrides.sources()?, &registrations()));
    if args.json {
        let report = json!({"file": file, "faults": faults, "warnings": warnings, "notes": notes});
        let told = writeln!(anstream::stdout(), "{report:#}");
        return if faults.is_empty() { Ok(told?) } else { Err(Told(exit::GENERAL).into()) };
    }
    let what = file.map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string());
    let told = show(&what, &faults, &warnings, &notes);
    // The faults decide the exit code even if the reader of the output has gone.
    if faults.is_empty() { Ok(told?) } else { Err(Told(exit::GENERAL).into()) }
}

fn show(what: &str, faults: &[String], warnings: &[String], notes: &[String]) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    for fault in faults {
        writeln!(out, "{BAD}fault{BAD:#}    {}", fault.replace('\n', "\n         "))?;
    }
    for warning in warnings {
        writeln!(out, "{PALE}warning{PALE:#}  {warning}")?;
    }
    for note in notes {
        writeln!(out, "ok       {note}")?;
    }
    match faults.len() {
        0 => writeln!(
            out,
            "{GOOD}{what} is in order.{GOOD:#} `circuits selftest` tries its values, those of the components too."
        ),
        1 => writeln!(out, "{BAD}1 fault{BAD:#} in {what}"),
        number => writeln!(out, "{BAD}{number} faults{BAD:#} in {what}"),
    }
}
