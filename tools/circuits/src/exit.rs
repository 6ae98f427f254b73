//! Exit codes: one table, from which come the code of an error and the list in `circuits --help`.

use std::io::ErrorKind;
use std::process::ExitCode;

use circuits::{Failure, RunError};
use circuits_journal::OpenError;

use crate::lock::Locked;

/// Any error without its own code.
pub(crate) const GENERAL: u8 = 1;
/// Wrong usage of the command line.
pub(crate) const USAGE: u8 = 2;
const LOCKED: u8 = 3;
/// The platform is not as the components need it.
pub(crate) const DRIFT: u8 = 4;

/// A second SIGINT ended the process; the code is the one that shells report for this signal.
pub(crate) const INTERRUPTED: u8 = 130;
/// A second SIGTERM ended the process; see [`INTERRUPTED`].
pub(crate) const TERMINATED: u8 = 143;

/// An exit code: what it means, and the failure of a runner that ends with it.
struct Code(u8, &'static str, Option<Failure>);

/// Exit codes are part of the interface: supervisors and scripts read them.
const CODES: &[Code] = &[
    Code(0, "stopped as asked (SIGINT, SIGTERM)", None),
    Code(GENERAL, "configuration, component or start fault", Some(Failure::Components)),
    Code(USAGE, "wrong usage", None),
    Code(LOCKED, "another instance runs with the same lock file or journal", None),
    Code(DRIFT, "customize --drift: the platform is not as the components need it", None),
    Code(20, "REST: the platform cannot be reached or answers with an error", Some(Failure::RestConnection)),
    Code(21, "REST: refused with 401 after login", Some(Failure::RestUnauthorised)),
    Code(22, "a CA or certificate file is missing or unreadable", Some(Failure::CaFile)),
    Code(23, "TLS: the server's certificate does not hold", Some(Failure::Certificate)),
    Code(24, "the account is not a member of the org", Some(Failure::Org)),
    Code(25, "wrong user, password or API key", Some(Failure::Credentials)),
    Code(30, "STOMP: any other failure", Some(Failure::Stomp)),
    Code(31, "STOMP: the broker refuses the account", Some(Failure::StompCredentials)),
    Code(32, "STOMP: not authorised to read a queue", Some(Failure::StompQueue)),
    Code(33, "STOMP: a subscription was not confirmed in time (selftest)", Some(Failure::StompTimeout)),
    Code(INTERRUPTED, "ended at once by a second SIGINT (Ctrl-C)", None),
    Code(TERMINATED, "ended at once by a second SIGTERM", None),
];

/// The list of exit codes for `--help`.
pub(crate) fn help() -> String {
    let lines: String =
        CODES.iter().map(|Code(number, meaning, _)| format!("  {number:>3}  {meaning}\n")).collect();
    format!("Exit codes:\n{lines}selftest ends with the code of the first step that failed.")
}

/// Prints the error to standard error and returns its exit code. A pipe that its reader closed is not an error.
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
    CODES.iter().find(|Code(_, _, of)| *of == Some(failure)).map_or(GENERAL, |Code(number, ..)| *number)
}

/// The error of a command that has already printed what it found; only its exit code is left.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) u8);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Told {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_listed_once_and_each_failure_has_its_own() {
        assert!(CODES.is_sorted_by(|Code(left, ..), Code(right, ..)| left < right));
        for (failure, number) in [
            (Failure::Components, 1),
            (Failure::RestConnection, 20),
            (Failure::CaFile, 22),
            (Failure::Credentials, 25),
            (Failure::StompTimeout, 33),
        ] {
            assert_eq!(code_of(failure), number, "{failure:?}");
        }
        let help = help();
        assert!(help.contains("\n    4  customize --drift") && help.contains("\n   33  STOMP: "), "{help}");
    }
}
