//! `circuits completions`: what a shell needs to complete the command line.

use std::io::Write as _;

use clap::Command;
use clap_complete::Shell;

/// How to install them in each shell.
const NOTES: &str = "\
bash:  circuits completions bash > ~/.local/share/bash-completion/completions/circuits
zsh:   circuits completions zsh > _circuits, in a folder of $fpath
fish:  circuits completions fish > ~/.config/fish/completions/circuits.fish";

/// Arguments of `circuits completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: Command) -> anyhow::Result<()> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(())
}
