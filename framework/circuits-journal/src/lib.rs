//! A journal that outlives the process: what the runner remembers of each message, in one SQLite file.
//!
//! [`SqliteJournal::open`] makes or opens the file and refuses a file that it cannot work with, each time with the cure
//! ([`OpenError`]). A thread of its own then writes: it takes all waiting calls, commits them together and answers them,
//! so that a busy runner pays for one flush of the disk for many results. Old settled messages are deleted in small
//! steps in between ([`Options`]).
//!
//! The file belongs to one runner at a time, which holds a lock on `<file>-lock`. Meanwhile [`EventLog`] can read the file,
//! ask for messages to be run again, and delete settled ones.
//!
//! [`SqliteStore`] is the store `sqlite`, where side features keep records, in another file.

mod blocking;
mod clock;
mod error;
mod events;
mod files;
mod history;
mod journal;
mod lock;
mod options;
mod outbox;
mod queue;
mod records;
mod retention;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod thread;
mod writer;

pub use error::OpenError;
pub use events::{Check, EventLog};
pub use journal::SqliteJournal;
pub use options::Options;
pub use records::SqliteStore;
