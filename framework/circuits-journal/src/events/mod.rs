//! The journal as a log of events: what became of each message, for people to look at, whether a runner is at work or not.

mod change;
mod query;
#[cfg(test)]
mod tests;

pub(crate) use query::time;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;

use crate::error::{OpenError, in_use};
use crate::schema::{self, JOURNAL};

/// A journal's file, open to look at.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    connection: Connection,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has arrived, but its handler has not begun.
    Waiting,
    /// Its handler is at work, or was when the process ended.
    Running,
    /// Its reply is known, but the broker has not confirmed it yet.
    Finished,
    /// Answered: completed.
    Completed,
    /// Answered: with an error.
    Failed,
    /// Set aside after it brought the process down too often, and not run again since.
    Dead,
}

impl Status {
    /// Every status, in the order of a message's way.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Running, Self::Finished, Self::Completed, Self::Failed, Self::Dead];

    /// The status in one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

/// Which messages to list; by default all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that arrived at this time or later.
    pub since: Option<SystemTime>,
    /// Those that arrived before this time.
    pub until: Option<SystemTime>,
    /// Those of the rule with exactly this name.
    pub rule: Option<String>,
    /// Those about this incident.
    pub incident: Option<i64>,
    /// Those with this status.
    pub status: Option<Status>,
}

/// One message, without its content.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Its number in this journal.
    pub number: i64,
    /// Its id: the broker's, or one made for a message that was run again.
    pub id: String,
    /// The destination that it came from.
    pub destination: String,
    /// The rule that fired; known once the handler has begun.
    pub rule: Option<String>,
    /// The incident; known once the handler has begun.
    pub incident: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// How often its handler began, less the attempts that were taken back when it waited or was stopped in an orderly way; 1
    /// for a message that succeeded at once.
    pub attempts: u32,
    /// When it first arrived.
    pub arrived: SystemTime,
    /// When its handler last began.
    pub started: Option<SystemTime>,
    /// When its reply was known.
    pub finished: Option<SystemTime>,
    /// When the broker had confirmed the reply.
    pub settled: Option<SystemTime>,
    /// Whether the broker refused the reply for good, so that the platform never had it.
    pub refused: bool,
    /// The text of its reply.
    pub text: Option<String>,
    /// The number of the message that this one runs again.
    pub rerun_of: Option<i64>,
}

/// One message with all that is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Details {
    /// The message.
    pub event: Event,
    /// Its STOMP headers, without the context token, which is a secret.
    pub headers: Vec<(String, String)>,
    /// Its body as it came; `None` for one that was too large to keep.
    pub body: Option<Vec<u8>>,
    /// What happened on the way, in order.
    pub steps: Vec<Occurrence>,
    /// The numbers of the messages that run it again.
    pub reruns: Vec<i64>,
}

/// Something that happened while a message was handled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Occurrence {
    /// When it happened.
    pub at: SystemTime,
    /// The text of a status, or method and path of a call to the platform.
    pub text: String,
    /// Whether it was a call.
    pub is_call: bool,
    /// What the platform answered to the call, if it did.
    pub code: Option<u16>,
    /// Milliseconds that the call took.
    pub took_ms: Option<i64>,
}

/// What a look at the whole file found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Check {
    /// What is wrong with the file; empty if nothing is.
    pub faults: Vec<String>,
    /// How many messages have each status.
    pub messages: Vec<(Status, u32)>,
    /// Bytes in the file, and in its write-ahead log.
    pub bytes: (u64, u64),
    /// When its oldest message arrived.
    pub oldest: Option<SystemTime>,
    /// Whether a runner has it open.
    pub in_use: bool,
}

/// Why something could not be done with the log. `Display` names the file or message, and the cure.
#[derive(Debug)]
pub struct LogError(Why);

#[derive(Debug)]
enum Why {
    Journal(circuits::Error),
    Unknown(String),
    Unsettled(i64, Status),
    NoBody(i64),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Journal(error) => error.fmt(f),
            Why::Unknown(name) => write!(
                f,
                "there is no message {name} in the journal; `circuits events list` shows numbers and ids. It may have been deleted \
                 by age or size (journal_keep_days, journal_max_mb)"
            ),
            Why::Unsettled(number, status) => write!(
                f,
                "message {number} is {}: the runner has not finished with it, and the broker may deliver it again",
                status.name()
            ),
            Why::NoBody(number) => {
                write!(
                    f,
                    "message {number} was too large to keep, so it cannot be run again; fire its rule again"
                )
            }
        }
    }
}

impl std::error::Error for LogError {}

impl EventLog {
    /// Opens the file of a journal. A runner may be at work on it.
    ///
    /// # Errors
    /// When there is no file, when it is not a journal, or when it is one of another version that a runner has open.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection =
            schema::visit(path, &JOURNAL).map_err(|fault| OpenError::new(path, &JOURNAL, fault))?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// The schema of a journal's file, and the newest that this version knows. Nothing is changed.
    ///
    /// # Errors
    /// When there is no file, or it is not a journal.
    pub fn schema(path: &Path) -> Result<(i32, i32), OpenError> {
        let found = schema::version(path, &JOURNAL).map_err(|fault| OpenError::new(path, &JOURNAL, fault))?;
        Ok((found, JOURNAL.newest()))
    }

    /// What to do with a file that is damaged.
    pub fn cure() -> String {
        JOURNAL.replace()
    }

    fn trouble(&self, error: &rusqlite::Error) -> LogError {
        LogError(Why::Journal(in_use(&self.path, &JOURNAL, error)))
    }
}
