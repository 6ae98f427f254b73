//! The command line: its shape, and what each command does.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{cmd, exit};

/// Runs action processors: takes action messages from the platform's queues, handles them, answers.
#[derive(Debug, Parser)]
#[command(name = "circuits", version, after_help = exit::help(), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a crate for a new component: handler, test, definitions, settings, and a runner of its own.
    New(cmd::new::Args),
    /// Connect to the platform and handle actions until stopped.
    Run(cmd::run::Args),
    /// Run an embedded platform on this machine, fire its rules, watch their status.
    Sandbox(cmd::sandbox::Args),
    /// List the linked components with what they need, without asking a platform.
    List(cmd::list::Args),
    /// Create on the platform what the components need: destinations, fields, rules. A second run does nothing.
    Customize(cmd::customize::Args),
    /// Test configuration, REST, components and STOMP, with a cure for what fails; takes no message away.
    Selftest(cmd::selftest::Args),
    /// Show the state of the running runner: connected, subscribed, what runs, what waits. Exit code 0 if it is ready, otherwise 1.
    Status(cmd::status::Args),
    /// Show what became of each message; run messages again; purge them.
    Events(cmd::events::Args),
    /// Ask and steer a runner, wherever it runs, over its control queue ([control]).
    Control(cmd::control::Args),
    /// Show, add, switch, delete and try subscriptions to events.
    Subscriptions(cmd::subscriptions::Args),
    /// Say who may use the HTTP side (http_port): accounts, their rights and passwords, tokens.
    Account(cmd::account::Args),
    /// Show, retry or drop the messages that were set aside because the process died of them too often.
    Dead(cmd::dead::Args),
    /// Check the journal's file, or make it ready to be copied.
    Db(cmd::db::Args),
    /// Create, update, check and show app.config.
    Config(cmd::config::Args),
    /// Print the completions for a shell.
    Completions(cmd::completions::Args),
    /// Write the manual pages.
    Man(cmd::man::Args),
}

/// Parses the command line of this process, runs the command, and prints what went wrong.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors, and neither is a closed pipe while one of them is printed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let outcome = match cli.command {
        Command::New(args) => cmd::new::run(args),
        Command::Run(args) => cmd::run::run(args),
        Command::Sandbox(args) => cmd::sandbox::run(args),
        Command::List(args) => cmd::list::run(args),
        Command::Customize(args) => cmd::customize::run(args),
        Command::Selftest(args) => cmd::selftest::run(args),
        Command::Status(args) => cmd::status::run(args),
        Command::Events(args) => cmd::events::run(args),
        Command::Control(args) => cmd::control::run(args),
        Command::Subscriptions(args) => cmd::subscriptions::run(args),
        Command::Account(args) => cmd::account::run(args),
        Command::Dead(args) => cmd::dead::run(args),
        Command::Db(args) => cmd::db::run(args),
        Command::Config(args) => cmd::config::run(args),
        Command::Completions(args) => cmd::completions::run(&args, Cli::command()),
        Command::Man(args) => cmd::man::run(&args, Cli::command()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
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

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
