//! `circuits config show`: every value that is in force, and where it comes from.

use std::io::Write;

use circuits::config::{Config, Effective};
use serde_json::{Map, Value, json};

use crate::overrides::Overrides;

/// Arguments of `circuits config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print every effective value by section and key with its origin; secrets as ***.
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Print JSON: {"section": {"key": {"value": "...", "origin": "..."}}}, null for what is not set.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Command::Show(args) = args.command;
    let config = args.overrides.load()?;
    for warning in config.warnings() {
        anstream::eprintln!("{warning}");
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        show_json(&config, &mut out)?
    } else {
        show(&config, &mut out)?
    }
    Ok(())
}

fn show_json(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let mut sections: Map<String, Value> =
        config.sections().map(|section| (section.name().to_owned(), json!({}))).collect();
    for Effective { section, key, value, origin } in config.effective() {
        if let Some(Value::Object(keys)) = sections.get_mut(&section) {
            keys.insert(key, json!({"value": value, "origin": origin}));
        }
    }
    serde_json::to_writer_pretty(&mut *out, &sections)?;
    writeln!(out)?;
    Ok(())
}

/// In the form of app.config, origins as comments. Keys that nothing sets are listed as comments.
fn show(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    for section in config.sections() {
        writeln!(out, "[{}]", section.name())?;
        for entry in config.effective().iter().filter(|entry| entry.section == section.name()) {
            match &entry.value {
                Some(value) => {
                    let value = value.replace('\n', "\n    ");
                    writeln!(out, "{}={value}  # {}", entry.key, entry.origin)?;
                }
                None => writeln!(out, "#{}=  # not set", entry.key)?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
