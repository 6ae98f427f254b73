//! `circuits man`: the manual pages, one for each subcommand.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Command;

/// The notes at the end of `--help`.
const NOTES: &str = "\
For the user: circuits man ~/.local/share/man/man1; for the host: sudo circuits man /usr/local/share/man/man1.";

/// Arguments of `circuits man`.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The folder they are written to; made if need be.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args, command: Command) -> anyhow::Result<()> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(whole(command), folder))
        .with_context(|| format!("cannot write the manual pages to {}", folder.display()))
}

/// The command with its long help: a manual has room for it.
fn whole(command: Command) -> Command {
    command.mut_args(|arg| arg.hide_short_help(false)).mut_subcommands(whole)
}
