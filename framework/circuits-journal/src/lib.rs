//! A journal that outlives the process: what the runner remembers of each message, in one SQLite file.
//!
//! [`SqliteJournal::open`] makes or opens the file and refuses what it cannot work with, each time with the cure
//! ([`OpenError`]). A thread of its own then writes: it takes all calls that wait, commits them together and answers them,
//! so that a busy runner pays for one flush of the disk where it has many results. Old settled messages are deleted in small
//! steps in between ([`Options`]).
//!
//! The file belongs to one process at a time, which holds a lock on `<file>-lock`. Other connections may read it meanwhile.

mod error;
mod journal;
mod lock;
mod options;
mod queue;
mod retention;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use error::OpenError;
pub use journal::SqliteJournal;
pub use options::Options;
