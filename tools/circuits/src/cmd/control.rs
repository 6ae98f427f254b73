//! `circuits control`: asks and steers a runner, wherever it runs, over its control queue.

use std::io::Write as _;
use std::time::Duration;

use anyhow::bail;
use circuits_control::{Asked, ask};

use crate::overrides::Overrides;

/// Arguments of `circuits control`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ask whether the runner is there, and what it counts.
    Heartbeat(How),
    /// Ask whether the broker brings messages both ways.
    Check(How),
    /// Change what the runner logs, until it ends.
    Loglevel {
        /// DEBUG, INFO, WARNING, ERROR or CRITICAL.
        level: String,
        #[command(flatten)]
        how: How,
    },
    /// Stop the runner; what runs may finish.
    Shutdown {
        /// Why, for its log.
        #[arg(long, default_value = "circuits control shutdown")]
        reason: String,
        #[command(flatten)]
        how: How,
    },
    /// Let nothing begin on a message destination; also after a restart.
    Pause {
        /// Its programmatic name.
        destination: String,
        #[command(flatten)]
        how: How,
    },
    /// Let a message destination go on.
    Resume {
        /// Its programmatic name.
        destination: String,
        #[command(flatten)]
        how: How,
    },
}

/// How the runner is asked.
#[derive(Debug, clap::Args)]
struct How {
    /// How many seconds the answer may take.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let (command, how) = match &args.command {
        Command::Heartbeat(how) => (Asked::Heartbeat, how),
        Command::Check(how) => (Asked::BrokerCheck, how),
        Command::Loglevel { level, how } => (Asked::LoggingChange(level), how),
        Command::Shutdown { reason, how } => (Asked::Shutdown(reason), how),
        Command::Pause { destination, how } => (Asked::Pause(destination), how),
        Command::Resume { destination, how } => (Asked::Resume(destination), how),
    };
    let config = how.overrides.load()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(ask(&config, command, Duration::from_secs(how.timeout)));
    let answer = answer.map_err(anyhow::Error::msg)?;
    let failed = answer["status"] == "Failed";
    let mut out = anstream::stdout().lock();
    if how.json {
        writeln!(out, "{answer:#}")?;
    } else if let Some(metric) = answer["metric"].as_object() {
        metric.iter().try_for_each(|(name, value)| writeln!(out, "{name:<12}{value}"))?;
    } else if !failed {
        writeln!(out, "Done.")?;
    }
    if failed {
        bail!("{}", answer["message"].as_str().unwrap_or("the runner did not do it"));
    }
    Ok(())
}
