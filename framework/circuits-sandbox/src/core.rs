//! The parts that the REST server and the sandbox's owner share: the platform, the way to the broker, the request log.
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::broker::Broker;
use crate::platform::{Outgoing, Platform};
use crate::request::Request;
use crate::switches::Switches;

pub(crate) struct Core {
    pub(crate) platform: Arc<Platform>,
    pub(crate) post: Post,
    pub(crate) switches: Arc<Switches>,
    pub(crate) requests: Mutex<Vec<Request>>,
    /// Signalled after each request.
    pub(crate) requested: Notify,
}

/// Where the messages of fired rules go.
pub(crate) enum Post {
    Broker(Arc<Broker>),
    /// To the test's own broker; the test carries them.
    Outbox(mpsc::UnboundedSender<Outgoing>),
}

impl Core {
    /// Announces the messages of fired rules and sends them.
    pub(crate) fn send(&self, outgoing: Vec<Outgoing>) {
        self.platform.announce(&outgoing);
        self.post(outgoing);
    }

    /// Sends messages that are already announced.
    pub(crate) fn post(&self, outgoing: impl IntoIterator<Item = Outgoing>) {
        for message in outgoing {
            match &self.post {
                Post::Broker(broker) => broker.send(message),
                // The receiver lives as long as the sandbox.
                Post::Outbox(outbox) => drop(outbox.send(message)),
            }
        }
    }

    pub(crate) fn record(&self, request: Request) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.requested.notify_waiters();
    }
}
