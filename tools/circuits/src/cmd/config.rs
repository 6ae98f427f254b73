//! `circuits config`: create, update, check and show app.config.

mod check;
mod show;
mod write;

/// Arguments of `circuits config`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    write: write::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Look for everything that is wrong in app.config, without a platform; ends with 1 if there is anything.
    Check(check::Args),
    /// Print every effective value by section and key with its origin; secrets as ***.
    Show(show::Args),
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Show(args)) => show::run(args),
        None => write::run(args.write),
    }
}
