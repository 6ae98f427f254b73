//! `circuits sandbox`: an embedded platform that stays up, and the platform user's side of it: fire a rule, see the status.

mod invoke;
mod serve;

use std::path::PathBuf;

/// The default directory for a sandbox's app.config.
const DEFAULT_DIRECTORY: &str = "sandbox";

/// Arguments of `circuits sandbox`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Fire a rule on an incident and wait for its answer.
    Fire(invoke::FireArgs),
    /// Show the action status of an incident: what the platform's user sees.
    Status(invoke::StatusArgs),
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async move {
        match args.command {
            None => serve::run(args.serve).await,
            Some(Command::Fire(args)) => invoke::fire(args).await,
            Some(Command::Status(args)) => invoke::status(args).await,
        }
    })
}

fn default_config() -> PathBuf {
    PathBuf::from(DEFAULT_DIRECTORY).join("app.config")
}
