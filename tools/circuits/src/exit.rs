//! Turns an error into the text that the user reads and the exit code that a supervisor reads.

use std::io::ErrorKind;
use std::process::ExitCode;

use circuits::{Failure, RunError};
use circuits_journal::OpenError;

use crate::lock::Locked;

/// Wrong usage of the command line.
pub(crate) const USAGE: u8 = 2;
/// Everything that has no code of its own.
pub(crate) const GENERAL: u8 = 1;
const LOCKED: u8 = 3;
/// The platform is not as the components need it.
pub(crate) const DRIFT: u8 = 4;

/// Prints the error to standard error, and gives its exit code. A reader that closed the pipe is not an error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    }) {
        return ExitCode::SUCCESS;
    }
    if let Some(Told(code)) = error.downcast_ref() {
        return ExitCode::from(*code);
    }
    anstream::eprintln!(
        "{}error:{} {error:#}",
        anstyle::AnsiColor::Red.on_default().bold().render(),
        anstyle::Reset.render()
    );
    ExitCode::from(code(error))
}

/// The exit code for an error.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    if error.is::<Locked>() || error.downcast_ref::<OpenError>().is_some_and(OpenError::is_in_use) {
        return LOCKED;
    }
    error.downcast_ref::<RunError>().map_or(GENERAL, |error| code_of(error.failure()))
}

/// The exit code for a kind of failure.
pub(crate) fn code_of(failure: Failure) -> u8 {
    match failure {
        Failure::RestConnection => 20,
        Failure::RestUnauthorised => 21,
        Failure::CaFile => 22,
        Failure::Certificate => 23,
        Failure::Org => 24,
        Failure::Credentials => 25,
        Failure::Stomp => 30,
        Failure::StompCredentials => 31,
        Failure::StompQueue => 32,
        Failure::StompTimeout => 33,
        _ => GENERAL,
    }
}

/// What a command found is told already; only its exit code is left to say.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) u8);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Told {}
