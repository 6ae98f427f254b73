//! From an error to what the user reads and the exit code a supervisor reads.

use std::io::ErrorKind;
use std::process::ExitCode;

use circuits::{Failure, RunError};
use circuits_journal::OpenError;

use crate::lock::Locked;

/// Wrong usage of the command line.
pub(crate) const USAGE: u8 = 2;
const GENERAL: u8 = 1;
const LOCKED: u8 = 3;

/// Prints the error to standard error, and gives its exit code. A reader that closed the pipe is no error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    }) {
        return ExitCode::SUCCESS;
    }
    anstream::eprintln!(
        "{}error:{} {error:#}",
        anstyle::AnsiColor::Red.on_default().bold().render(),
        anstyle::Reset.render()
    );
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<Locked>() || error.downcast_ref::<OpenError>().is_some_and(OpenError::is_in_use) {
        return LOCKED;
    }
    match error.downcast_ref::<RunError>().map(RunError::failure) {
        Some(Failure::RestConnection) => 20,
        Some(Failure::RestUnauthorised) => 21,
        Some(Failure::CaFile) => 22,
        Some(Failure::Certificate) => 23,
        Some(Failure::Org) => 24,
        Some(Failure::Credentials) => 25,
        Some(Failure::Stomp) => 30,
        Some(Failure::StompCredentials) => 31,
        Some(Failure::StompQueue) => 32,
        _ => GENERAL,
    }
}
