//! `circuits dead`: messages that were set aside because they brought the process down too often.

use anyhow::bail;
use circuits::history::{Filter, Status};

use super::events;
use crate::confirm::confirm;
use crate::event_log::{open, open_to_show, row};
use crate::overrides::Overrides;

/// Arguments of `circuits dead`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The dead letters, newest first: those that were not run again since.
    List(List),
    /// All that is known of one, as `circuits events show`.
    Show(events::Show),
    /// Run them again, as `circuits events retry`.
    Retry(events::Retry),
    /// Delete one; the platform has its error reply already.
    Drop(Drop),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Show at most this many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Print JSON: an array of messages.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Drop {
    /// The message's number or id.
    id: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::List(args) => {
            let dead = Filter { status: Some(Status::Dead), ..Filter::default() };
            events::list(&open_to_show(&args.overrides)?, &dead, args.limit, args.json)
        }
        Command::Show(args) => events::show(args),
        Command::Retry(args) => events::retry(args),
        Command::Drop(args) => drop(args),
    }
}

fn drop(args: Drop) -> anyhow::Result<()> {
    let mut log = open(&args.overrides)?;
    let event = log.can_drop(log.find(&args.id)?)?;
    anstream::println!("{}", row(&event));
    if !args.yes && !confirm("Delete it?")? {
        bail!("nothing is deleted");
    }
    log.drop_dead(event.number)?;
    anstream::println!("Deleted.");
    Ok(())
}
