//! Exit codes, and the errors with a specific one.

use std::fmt;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Wrong usage of the command line.
pub(crate) const USAGE: u8 = 2;

/// How a command ended; of several, the worst counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    /// Everything was completed.
    #[default]
    Completed,
    /// An error reply, or a message that was refused.
    Error,
    /// No final reply in time.
    NoReply,
    /// There is no runner to submit to, or it has gone.
    NoRunner,
}

impl Ended {
    /// The name in JSON output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Error => "error",
            Self::NoReply => "no reply",
            Self::NoRunner => "no runner",
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Error => 1,
            Self::NoRunner => 3,
            Self::NoReply => 4,
        }
    }
}

/// There is no runner to submit to.
#[derive(Debug)]
pub(crate) struct NoRunner(pub(crate) String);

impl fmt::Display for NoRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoRunner {}

/// Prints the error and returns its exit code. A pipe that its reader closed is not an error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    print(error);
    ExitCode::from(if error.is::<NoRunner>() { Ended::NoRunner.code() } else { Ended::Error.code() })
}

/// Prints the error.
pub(crate) fn print(error: &anyhow::Error) {
    anstream::eprintln!(
        "{}error:{} {error:#}",
        anstyle::AnsiColor::Red.on_default().bold().render(),
        anstyle::Reset.render()
    );
}
