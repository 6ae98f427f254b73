//! Events that other systems must hear of: the journal notes them together with what they are about, so that neither a crash
//! nor a target that is away loses one.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::Reply;
use crate::journal::{JournalFuture, Outcome};
use crate::signal::{EventKind, EventKinds};

/// An event that waits to be passed on.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Its place in the order of events.
    pub number: i64,
    /// What it is.
    pub kind: EventKind,
    /// When it happened.
    pub at: SystemTime,
    /// Distinguishes it from other events of its kind about the same message, or from all other events if it is about none.
    pub nonce: String,
    /// What its kind says beside the message, as JSON: the text of a report of progress, for instance. May be empty.
    pub data: String,
    /// The message that it is about.
    pub message: Option<Box<NotedMessage>>,
}

/// What the journal knows of the message of an event.
#[derive(Clone, Debug)]
pub struct NotedMessage {
    /// Its id.
    pub id: String,
    /// The destination that it came from.
    pub destination: String,
    /// The rule, if it was known.
    pub rule: Option<String>,
    /// The incident, if it was known.
    pub incident: Option<i64>,
    /// The attempts that count.
    pub attempts: u32,
    /// When its handler last began.
    pub started: Option<SystemTime>,
    /// When its reply was known.
    pub finished: Option<SystemTime>,
    /// Its body; empty if it was too large to keep.
    pub body: Bytes,
    /// Its final reply, and who made it.
    pub reply: Option<(Reply, Outcome)>,
}

/// The events that a journal notes for others.
pub trait Outbox: Send + Sync + 'static {
    /// Notes events of these kinds from now on, as long as fewer than `most` wait; further ones are counted and dropped.
    fn keep(&self, kinds: EventKinds, most: u64);

    /// Notes an event that is about no message. Never waits; while the journal has no room, the event is counted and dropped.
    fn note(&self, kind: EventKind, data: String);

    /// The events behind the one with this number, those that wait longest first.
    fn waiting(&self, after: i64, limit: u32) -> JournalFuture<'_, Vec<Noted>>;

    /// Forgets the events up to this number: they were passed on.
    fn passed_on(&self, through: i64) -> JournalFuture<'_, ()>;

    /// How many events were dropped since the start.
    fn dropped(&self) -> u64;

    /// Is notified when an event was noted.
    fn arrivals(&self) -> Arc<Notify>;
}
