//! The command line: where to submit, and what.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use circuits::config::{Config, Sources};
use clap::{Parser, ValueEnum};

use crate::cmd::{self, Command};
use crate::exit;
use crate::session::Session;

const EXIT_CODES: &str = "\
Without a command there is a prompt; lines from a pipe are run one after another.

Exit codes:
   0  completed
   1  an error reply, or any other fault
   2  wrong usage
   3  no runner to submit to, or it went away
   4  no reply in time";

/// Submits actions to a runner, and shows what it replies.
#[derive(Debug, Parser)]
#[command(name = "action-test", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where actions are submitted, and how replies are shown.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The way to the runner.
    #[arg(long, value_enum, default_value = "test", global = true)]
    pub(crate) via: Via,
    /// Host of the runner's test port.
    #[arg(long, default_value = "localhost", global = true)]
    pub(crate) host: String,
    /// The runner's test port.
    #[arg(long, default_value_t = 8008, global = true)]
    pub(crate) port: u16,
    /// The runner's test_token; better in the environment than here, where others see it.
    #[arg(long, env = "ACTION_TEST_TOKEN", hide_env_values = true, global = true)]
    pub(crate) token: Option<String>,
    /// The app.config, for --via stomp and for functions [default: $APP_CONFIG_FILE, ./app.config, ~/.resilient/app.config]
    #[arg(long, value_name = "FILE", global = true)]
    config_file: Option<PathBuf>,
    /// Seconds to wait for the final reply to an action.
    #[arg(long, default_value_t = 60.0, value_parser = seconds, global = true)]
    timeout: f64,
    /// Print JSON: an object on a line of its own for each action.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The ways to a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// The test port of a runner that was started with --test-actions.
    Test,
    /// The message broker of app.config. Its section [action-test] may have login and passcode of an account that may send
    /// actions; those of [resilient] may not, as a rule.
    Stomp,
    /// The broker of `circuits sandbox`, by the app.config it writes to ./sandbox.
    Sandbox,
}

impl Target {
    /// The longest wait for a final reply.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }

    /// The app.config.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let sandbox = (self.via == Via::Sandbox).then(|| PathBuf::from("sandbox/app.config"));
        let config_file = self.config_file.clone().or(sandbox);
        Ok(Config::load(Sources { config_file, ..Sources::of_process()? })?)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.001..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("0.001 to 86400 seconds".to_owned()) }
}

/// Parses the command line of this process and runs the command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let outcome = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let session = Session::open(cli.target).await?;
            match cli.command {
                Some(command) => command.run(&session).await,
                None => cmd::prompt::run(session).await,
            }
        })
    });
    match outcome {
        Ok(ended) => ExitCode::from(ended.code()),
        Err(error) => exit::report(&error),
    }
}

/// Checks that [`main`] would accept this command line, whose first word is the command's name; for tests of documents.
///
/// # Errors
/// The text that `main` would print.
#[doc(hidden)]
pub fn check_command_line(words: &[String]) -> Result<(), String> {
    match Cli::try_parse_from(words) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
