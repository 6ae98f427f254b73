//! The events about a message and where they went, which another extension than the one that shows them knows.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::Result;

/// The future of a call of [`MessageEvents`].
pub type MessageEventsFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Value>>> + Send + 'a>>;

/// Knows the events about each message; an extension registers it with
/// [`Context::register_message_events`](crate::extension::Context::register_message_events).
pub trait MessageEvents: Send + Sync + 'static {
    /// The events about the message with this id, oldest first, each with its deliveries, as `circuits events show --json` has them.
    fn of<'a>(&'a self, message_id: &'a str) -> MessageEventsFuture<'a>;
}

/// The one that is registered, if one is. Cheap to clone.
pub(crate) type RegisteredEvents = Arc<OnceLock<Arc<dyn MessageEvents>>>;
