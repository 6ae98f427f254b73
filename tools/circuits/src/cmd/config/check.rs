//! `circuits config check`: everything that is wrong in app.config, in one run.

use std::io::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use circuits::registrations;
use circuits::selftest::{Checked, check_config};

use crate::exit::{self, Told};
use crate::overrides::Overrides;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const PALE: Style = AnsiColor::Yellow.on_default();

/// Arguments of `circuits config check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file [default: $APP_CONFIG_FILE, ./app.config, ~/.resilient/app.config].
    file: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let overrides = args.file.map_or_else(Overrides::default, |file| Overrides::default().with_file(file));
    let Checked { file, faults, warnings } = check_config(&overrides.sources()?, &registrations());
    let mut out = anstream::stdout().lock();
    let what = file.map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string());
    for fault in &faults {
        writeln!(out, "{BAD}fault{BAD:#}    {}", fault.replace('\n', "\n         "))?;
    }
    for warning in &warnings {
        writeln!(out, "{PALE}warning{PALE:#}  {warning}")?;
    }
    if faults.is_empty() {
        writeln!(
            out,
            "{GOOD}{what} is in order.{GOOD:#} `circuits selftest` tries its values, those of the components too."
        )?;
        return Ok(());
    }
    let number = if faults.len() == 1 { "1 fault".to_owned() } else { format!("{} faults", faults.len()) };
    writeln!(out, "{BAD}{number}{BAD:#} in {what}")?;
    Err(Told(exit::GENERAL).into())
}
