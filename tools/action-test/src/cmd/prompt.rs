//! The prompt: history, completion, JSON over several lines; replies are printed as they come, even while the next command is
//! typed. Without a terminal, the lines of standard input are run one after another.

mod editor;

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use clap::CommandFactory as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use self::editor::{Editor, Input};
use super::names::Names;
use super::submit::{Watch, submit};
use super::{Command, expand, parse};
use crate::exit::{self, Ended};
use crate::order::Order;
use crate::print;
use crate::session::Session;

const INTRO: &str = "Welcome to the action test tool. Type help or ? to list commands.";
const HELP: &str = "\
submit <queue> <json>             submit an action; the JSON may have several lines
submitfile <queue> <file>         submit an action that is in a file
function <name> [value ...]       submit a call of a function
runlist <file>                    run the commands in a file
replay <folder> [--queue <name>]  submit all recorded messages of a folder
help [command]                    this, or all about a command
quit                              end (also Ctrl-D)";

pub(crate) async fn run(session: Session) -> anyhow::Result<Ended> {
    if std::io::stdin().is_terminal() { interactive(Arc::new(session)).await } else { piped(&session).await }
}

async fn piped(session: &Session) -> anyhow::Result<Ended> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut ended = Ended::Completed;
    while let Some(line) = lines.next_line().await? {
        let line = line.trim();
        match line {
            "" => {}
            "quit" | "exit" => break,
            _ if is_help(line) => help(line)?,
            _ => {
                let done = match parse(line) {
                    Ok(command) => command.run(session).await,
                    Err(error) => Err(error),
                };
                ended = ended.max(done.unwrap_or_else(|error| {
                    exit::print(&error);
                    Ended::Error
                }));
            }
        }
    }
    Ok(ended)
}

async fn interactive(session: Arc<Session>) -> anyhow::Result<Ended> {
    print::out(INTRO)?;
    let (editor, printer) = Editor::new(Names::of(&session.target))?;
    // Printed above the line that is being typed.
    let print = Arc::new(Mutex::new(printer));
    let (typed, mut lines) = mpsc::channel(1);
    let (next, ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || editor.run(&typed, &ready));
    let follower = Arc::clone(&session);
    let _follower = AbortOnDropHandle::new(tokio::spawn(async move { follow(&follower).await }));
    let mut submitted = JoinSet::new();
    loop {
        let _ = next.send(());
        let Some(Input::Line(line)) = lines.recv().await else { break };
        let order = match line.as_str() {
            "" => continue,
            "quit" | "exit" => break,
            line if is_help(line) => {
                help(line)?;
                continue;
            }
            line => match parse(line) {
                Ok(Command::Submit { queue, message, .. }) => Ok(Order::new(&queue, &message)),
                Ok(Command::Submitfile { queue, file, watch: Watch { watch: false } }) => {
                    Order::read(&queue, &expand(&file))
                }
                Ok(command) => {
                    // This command has the terminal to itself.
                    if let Err(error) = command.run(&session).await {
                        exit::print(&error);
                    }
                    continue;
                }
                Err(error) => Err(error),
            },
        };
        match order {
            Ok(order) => {
                let (session, print) = (Arc::clone(&session), Arc::clone(&print));
                submitted.spawn(async move {
                    submit(&session, order, None, |line| {
                        let mut print = print.lock().unwrap_or_else(PoisonError::into_inner);
                        print(line);
                    })
                    .await
                });
            }
            Err(error) => exit::print(&error),
        }
    }
    print::out("Goodbye.")?;
    Ok(Ended::Completed)
}

/// Reconnects whenever the runner has restarted.
async fn follow(session: &Session) {
    loop {
        session.restarted().await;
    }
}

fn is_help(line: &str) -> bool {
    line == "?" || line.split_whitespace().next() == Some("help")
}

fn help(line: &str) -> anyhow::Result<()> {
    #[derive(clap::Parser)]
    struct All {
        #[command(subcommand)]
        _command: Command,
    }
    let mut all = All::command();
    let named = line.split_whitespace().nth(1);
    match named.and_then(|name| all.find_subcommand_mut(name)) {
        Some(command) => print::out(&command.render_long_help().to_string()),
        None => print::out(HELP),
    }
}
