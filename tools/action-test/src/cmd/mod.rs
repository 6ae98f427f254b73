//! The commands, one file for each.

mod function;
mod names;
pub(crate) mod prompt;
mod replay;
mod runlist;
mod submit;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use self::submit::Watch;
use crate::exit::Ended;
use crate::order::Order;
use crate::session::Session;

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit an action.
    Submit {
        /// The programmatic name of the message destination.
        queue: String,
        /// The action message.
        #[arg(value_name = "JSON")]
        message: String,
        #[command(flatten)]
        watch: Watch,
    },
    /// Submit an action that is in a file, as `circuits run --log-http-responses` records it.
    Submitfile {
        /// The programmatic name of the message destination.
        queue: String,
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        watch: Watch,
    },
    /// Submit a call of a function, whose inputs are looked up on the platform of app.config.
    Function(function::Args),
    /// Run the commands in a file, one per line; # begins a comment.
    Runlist {
        /// The file.
        file: PathBuf,
    },
    /// Submit all recorded messages of a folder, oldest first.
    Replay(replay::Args),
}

impl Command {
    /// Runs the command and prints to standard output.
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<Ended> {
        match self {
            Self::Submit { queue, message, watch } => {
                watch.submit(session, None, || Ok(Order::new(&queue, &message))).await
            }
            Self::Submitfile { queue, file, watch } => {
                let name = file.display().to_string();
                // Read it each time, because it may have been edited.
                watch.submit(session, Some(&name), || Order::read(&queue, &expand(&file))).await
            }
            Self::Function(args) => function::run(session, args).await,
            Self::Runlist { file } => runlist::run(session, &file).await,
            Self::Replay(args) => replay::run(session, args).await,
        }
    }
}

/// Reads a command that is typed at the prompt or is in a file: the JSON of `submit` is taken as it is, everything else is
/// split into words as in a shell.
pub(crate) fn parse(line: &str) -> anyhow::Result<Command> {
    #[derive(clap::Parser)]
    #[command(name = "", no_binary_name = true, disable_help_flag = true)]
    struct Line {
        #[command(subcommand)]
        command: Command,
    }
    if let Some(rest) = line.strip_prefix("submit ") {
        let (queue, json) = rest
            .trim()
            .split_once(char::is_whitespace)
            .ok_or_else(|| anyhow::anyhow!("Action required: submit <queue> <json>"))?;
        let (queue, message) = (queue.to_owned(), json.trim().to_owned());
        return Ok(Command::Submit { queue, message, watch: Watch { watch: false } });
    }
    // Names of recorded files contain spaces, and the Python tool needs no quotes around them.
    if let Some((queue, file)) = line.strip_prefix("submitfile ").and_then(|rest| rest.trim().split_once(' '))
        && expand(Path::new(file.trim())).is_file()
    {
        let (queue, file) = (queue.to_owned(), PathBuf::from(file.trim()));
        return Ok(Command::Submitfile { queue, file, watch: Watch { watch: false } });
    }
    let words = shlex::split(line).ok_or_else(|| anyhow::anyhow!("a quotation mark is not closed"))?;
    match <Line as clap::Parser>::try_parse_from(words) {
        Ok(line) => Ok(line.command),
        Err(error) => Err(anyhow::anyhow!("{}", error.to_string().trim_start_matches("error: ").trim_end())),
    }
}

/// Expands `~` as a shell does: at the prompt there is no shell.
pub(crate) fn expand(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}
