//! The journal as a log of events: what became of each message, for people to look at, whether a runner is at work or not.

mod change;
mod query;
#[cfg(test)]
mod tests;

pub(crate) use query::time;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use circuits::history::{HistoryError, Status};
use rusqlite::Connection;

use crate::error::{OpenError, in_use};
use crate::schema::{self, JOURNAL};

/// A journal's file, open to look at.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    connection: Connection,
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

    fn trouble(&self, error: &rusqlite::Error) -> HistoryError {
        HistoryError::journal(in_use(&self.path, &JOURNAL, error))
    }
}
