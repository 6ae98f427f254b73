//! What happens on the platform's side, as a stream of events to show or to watch.
use tokio::sync::broadcast;

use crate::invocation::InvocationId;

/// One thing that happened. Watch with [`crate::Sandbox::events`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A client logged in to the broker.
    Connected {
        /// Its API key id or e-mail address.
        login: String,
    },
    /// A logged-in client left the broker, or was cut off.
    Disconnected {
        /// Its API key id or e-mail address.
        login: String,
    },
    /// A client subscribed to a queue.
    Subscribed {
        /// The queue without `/queue/`.
        queue: String,
    },
    /// A rule fired and its message is on the way.
    RuleFired {
        /// The invocation that now waits.
        invocation: InvocationId,
        /// Display name of the rule.
        rule: String,
        /// The incident it concerns; 0 if there is none.
        incident: i64,
        /// The queue the message went to, without `/queue/`.
        queue: String,
    },
    /// A workflow called a function and the message is on the way.
    FunctionCalled {
        /// The invocation that now waits.
        invocation: InvocationId,
        /// API name of the function.
        function: String,
        /// The queue the message went to, without `/queue/`.
        queue: String,
    },
    /// The broker handed a message to a consumer.
    Delivered {
        /// The queue without `/queue/`.
        queue: String,
        /// The broker's id of the message.
        message_id: String,
        /// Whether the frame said `redelivered:true`.
        redelivered: bool,
        /// How often the message was delivered so far, this time included.
        deliveries: u32,
    },
    /// A reply reached an invocation: what the Action Status list shows.
    Status {
        /// The invocation.
        invocation: InvocationId,
        /// Display name of its rule, or API name of its function.
        rule: String,
        /// The text shown to the user.
        text: String,
        /// Whether it reports an error.
        error: bool,
        /// Whether it ends the action.
        complete: bool,
    },
    /// The REST server answered a request.
    Rest {
        /// The HTTP method.
        method: String,
        /// The path, without the query.
        path: String,
        /// The status answered.
        status: u16,
    },
}

/// The sending side. Slow watchers lose old events; nobody waits for them.
#[derive(Clone)]
pub(crate) struct Events(broadcast::Sender<Event>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(4096))
    }

    /// Builds the event only if somebody is watching.
    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        if self.0.receiver_count() > 0 {
            let _ = self.0.send(event());
        }
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }
}
