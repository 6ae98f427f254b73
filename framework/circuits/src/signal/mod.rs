//! What happens to each message, published as it happens: for the console and for extensions.
//! Publishing never waits, and a listener that falls behind loses signals rather than holding up an acknowledgement.

mod kind;

use std::time::Duration;

use tokio::sync::broadcast;

pub use kind::{EventKind, EventKinds};

/// One step in the life of a message, or of the connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Signal {
    /// A destination delivers from now on; published again after each reconnect.
    Subscribed {
        /// Its full name, `actions.<org>.<name>`.
        destination: String,
    },
    /// The connection to the broker is lost, or could not be made; the runner will try again.
    Disconnected {
        /// Why.
        reason: String,
    },
    /// A handler starts on a message.
    Started {
        /// The message's id.
        message_id: String,
        /// The rule that fired, if known.
        rule: Option<String>,
        /// The incident's id.
        incident: Option<i64>,
    },
    /// A handler reported progress.
    Status {
        /// The message's id.
        message_id: String,
        /// Its text.
        text: String,
    },
    /// The final reply is known.
    Finished {
        /// The message's id.
        message_id: String,
        /// Whether it is an error reply.
        error: bool,
        /// Its text.
        text: String,
        /// How long the handler ran; zero when none did.
        took: Duration,
    },
    /// The broker has the reply and the acknowledgement was sent.
    Settled {
        /// The message's id.
        message_id: String,
    },
}

/// Where signals are published.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    sender: broadcast::Sender<Signal>,
}

impl Bus {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::channel(1024).0 }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.sender.subscribe()
    }

    /// Builds the signal only when somebody listens.
    pub(crate) fn emit(&self, signal: impl FnOnce() -> Signal) {
        if self.sender.receiver_count() > 0 {
            let _ = self.sender.send(signal());
        }
    }
}
