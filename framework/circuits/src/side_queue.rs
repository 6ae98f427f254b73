//! A queue beside those of action messages, for an extension that talks to others over the broker. It has a connection of its own:
//! whatever happens there, the delivery of action messages does not notice.

use std::time::Duration;

use bytes::Bytes;
use circuits_stomp::{Deliveries, Delivery, Outgoing, Session, Subscription};
use tracing::warn;

use crate::backoff::pause;
use crate::config::Config;
use crate::delivery::identity::identity;
use crate::runtime::connect::stomp_options;
use crate::{Error, Result};

/// How many messages the broker sends before the first is done.
const PREFETCH: u32 = 100;
/// How long the last flush to the broker may take at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A subscribed queue.
pub struct SideQueue {
    deliveries: Deliveries,
    sender: QueueSender,
}

/// A message of a [`SideQueue`]. The broker keeps it until [`QueueSender::done`].
#[derive(Clone, Debug)]
pub struct QueueMessage(Delivery);

/// Sends, and says which messages are done. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QueueSender(Session);

impl SideQueue {
    /// Connects as app.config says, and subscribes to this queue; waits for a broker that is away.
    ///
    /// # Errors
    /// When the settings name no usable broker, or it refuses the subscription.
    pub async fn open(config: &Config, queue: &str) -> Result<Self> {
        let (session, deliveries) = Session::start(stomp_options(config.settings()).map_err(Error::new)?);
        let subscription = Subscription { destination: queue.to_owned(), prefetch: PREFETCH };
        session.subscribe(subscription).await.map_err(Error::new)?;
        Ok(Self { deliveries, sender: QueueSender(session) })
    }

    /// The next message; `None` once the connection is closed for good.
    pub async fn receive(&mut self) -> Option<QueueMessage> {
        self.deliveries.recv().await.map(QueueMessage)
    }

    /// What sends on the same connection.
    pub fn sender(&self) -> QueueSender {
        self.sender.clone()
    }

    /// Disconnects; messages that are not done stay with the broker.
    pub async fn close(self) {
        if let Err(error) = self.sender.0.close(CLOSE_TIMEOUT).await {
            warn!(%error, "The connection of a queue beside the action messages was not closed in an orderly way");
        }
    }
}

impl std::fmt::Debug for SideQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SideQueue").finish_non_exhaustive()
    }
}

impl QueueMessage {
    /// Its body; empty if it is larger than `stomp_max_body`.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// A STOMP header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)
    }

    /// What distinguishes it from all other messages, also when it comes again over another connection.
    pub fn id(&self) -> Option<String> {
        identity(&self.0)
    }

    /// Whether the broker sent it before, so that it may have been looked at.
    pub fn is_redelivered(&self) -> bool {
        self.0.redelivered
    }

    /// What is wrong with it, if anything.
    pub fn flaw(&self) -> Option<String> {
        self.0.flaw.as_ref().map(ToString::to_string)
    }
}

impl QueueSender {
    /// Sends a persistent message. Waits for a broker that is away, and sends again what it may have lost.
    ///
    /// # Errors
    /// When the broker refuses the message, or the connection was closed for good.
    pub async fn send(&self, queue: &str, headers: &[(&str, &str)], body: Bytes) -> Result<()> {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let message = Outgoing { destination: queue.to_owned(), headers, body };
        let mut failures = 0;
        loop {
            match self.0.send(message.clone()).await {
                Err(error) if error.is_lost() => failures += 1,
                sent => return sent.map_err(Error::new),
            }
            tokio::time::sleep(pause(failures)).await;
        }
    }

    /// Acknowledges a message, so that the broker forgets it. If the connection that brought it is gone, the broker sends it again.
    pub fn done(&self, message: &QueueMessage) {
        self.0.ack(&message.0.token);
    }
}
