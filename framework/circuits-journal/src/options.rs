//! Which file the journal is in, and how much of the past it keeps.

use std::path::PathBuf;
use std::time::Duration;

/// Where the journal is and what it keeps.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) path: PathBuf,
    pub(crate) keep: Option<Duration>,
    pub(crate) max_bytes: Option<u64>,
}

impl Options {
    /// A journal in this file, which keeps everything. The file and its folder are made if they are missing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), keep: None, max_bytes: None }
    }

    /// Deletes messages that arrived longer ago than this, once they are settled. By default, nothing is deleted because of age.
    ///
    /// It should not be shorter than the time for which a broker may keep a message whose acknowledgement was lost: if such a
    /// message was deleted here, it runs again.
    #[must_use]
    pub fn keep(mut self, age: Option<Duration>) -> Self {
        self.keep = age;
        self
    }

    /// Deletes the oldest settled messages while the file holds more than this many bytes. By default, nothing is deleted
    /// because of size.
    ///
    /// Messages that are not settled are never deleted, so they may exceed it.
    #[must_use]
    pub fn max_bytes(mut self, bytes: Option<u64>) -> Self {
        self.max_bytes = bytes;
        self
    }
}
