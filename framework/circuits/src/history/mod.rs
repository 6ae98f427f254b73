//! What became of each message, for people to look at: read from the journal, with the few changes that an operator may ask for.
//!
//! `circuits events` and the HTTP API show the same JSON, which is that of these types.

mod cause;
mod event;
mod events;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use cause::{FailureCause, by_cause};
pub use event::{Details, Event, Filter, Occurrence, Status, rfc3339};
pub(crate) use events::RegisteredEvents;
pub use events::{MessageEvents, MessageEventsFuture};

/// The future of a call of a [`History`].
pub type HistoryFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, HistoryError>> + Send + 'a>>;

/// The messages that a journal remembers.
pub trait History: Send + Sync + 'static {
    /// The newest messages that the filter lets through, newest first.
    fn list<'a>(&'a self, filter: &'a Filter, limit: u32) -> HistoryFuture<'a, Vec<Event>>;

    /// The number of the message with this number or id.
    fn find<'a>(&'a self, name: &'a str) -> HistoryFuture<'a, i64>;

    /// The numbers of the messages with these ids, in their order; `None` for one that is not remembered.
    fn numbers(&self, ids: Vec<String>) -> HistoryFuture<'_, Vec<Option<i64>>>;

    /// All that is known of a message.
    fn show(&self, number: i64) -> HistoryFuture<'_, Details>;

    /// Asks for a settled message to be run again: its runner does so within seconds. Returns the number of the new message,
    /// which has an id of its own.
    fn run_again(&self, number: i64) -> HistoryFuture<'_, i64>;

    /// Deletes a dead letter.
    fn drop_dead(&self, number: i64) -> HistoryFuture<'_, ()>;

    /// The failed messages that the filter lets through, grouped by cause, the most frequent first. Only the newest 10,000 are
    /// looked at.
    fn failures<'a>(&'a self, filter: &'a Filter) -> HistoryFuture<'a, Vec<FailureCause>>;
}

/// Why something could not be done with a message. `Display` names the message or the file, and the cure.
#[derive(Debug)]
pub struct HistoryError(Why);

#[derive(Debug)]
enum Why {
    Journal(crate::Error),
    Unknown(String),
    Unsettled(i64, Status),
    Kept(i64),
    NotDead(i64, Status),
    NoBody(i64),
}

impl HistoryError {
    /// The journal could not be read or written.
    pub fn journal(error: crate::Error) -> Self {
        Self(Why::Journal(error))
    }

    /// There is no message with this number or id.
    pub fn unknown(name: impl fmt::Display) -> Self {
        Self(Why::Unknown(name.to_string()))
    }

    /// The runner has not finished with the message.
    pub fn unsettled(number: i64, status: Status) -> Self {
        Self(Why::Unsettled(number, status))
    }

    /// Events about the message wait to be passed on.
    pub fn kept(number: i64) -> Self {
        Self(Why::Kept(number))
    }

    /// Only dead letters may be dropped, and the message is none.
    pub fn not_dead(number: i64, status: Status) -> Self {
        Self(Why::NotDead(number, status))
    }

    /// The message was too large to keep.
    pub fn no_body(number: i64) -> Self {
        Self(Why::NoBody(number))
    }

    /// Whether there is no such message.
    pub fn is_unknown(&self) -> bool {
        matches!(self.0, Why::Unknown(_))
    }

    /// Whether the journal could not be read or written; otherwise the message is why.
    pub fn is_journal(&self) -> bool {
        matches!(self.0, Why::Journal(_))
    }
}

impl fmt::Display for HistoryError {
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
            Why::Kept(number) => write!(
                f,
                "message {number} is kept until the events about it were passed on; try again later"
            ),
            Why::NotDead(number, status) => write!(
                f,
                "message {number} is not a dead letter, it is {}; `circuits events purge` deletes others",
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

impl std::error::Error for HistoryError {}
