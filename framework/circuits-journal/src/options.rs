//! Which file, and how much of the past stays in it.

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

    /// Deletes messages that arrived longer ago than this, once they are settled. Default none: age deletes nothing.
    ///
    /// Should not be shorter than a broker may keep a message whose acknowledgement it has lost: a deleted one runs again.
    #[must_use]
    pub fn keep(mut self, age: Option<Duration>) -> Self {
        self.keep = age;
        self
    }

    /// Deletes the oldest settled messages while the file holds more than so many bytes. Default none: size deletes nothing.
    ///
    /// Messages that are not settled are never deleted, so they may exceed it.
    #[must_use]
    pub fn max_bytes(mut self, bytes: Option<u64>) -> Self {
        self.max_bytes = bytes;
        self
    }
}
