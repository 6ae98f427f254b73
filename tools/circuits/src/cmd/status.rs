//! `circuits status`: how the runner of this app.config is.

use std::io::Write as _;

use crate::exit::{self, Told};
use crate::overrides::Overrides;
use crate::status;

/// Arguments of `circuits status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let path = status::path(args.overrides.load()?.settings());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(status::ask(&path))?;
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{status:#}")?;
    } else {
        status::write(&status, &mut out)?;
    }
    if status["ready"] == true { Ok(()) } else { Err(Told(exit::GENERAL).into()) }
}
