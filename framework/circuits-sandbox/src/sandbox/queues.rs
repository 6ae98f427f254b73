//! Queues, seen and filled from the broker's side.
use std::sync::Arc;

use super::Sandbox;
use crate::broker::{Publication, QueueStats};
use crate::error::{Error, Result};

/// Queues.
impl Sandbox {
    /// Puts a message on a queue as it is, valid or broken; returns its message id.
    ///
    /// # Errors
    /// [`Error::is_refused`] with an external broker.
    pub fn publish(&self, publication: Publication) -> Result<String> {
        Ok(self.broker()?.publish(publication, Arc::default()))
    }

    /// The full name of a destination's queue: `actions.<org>.<name>`.
    #[must_use]
    pub fn queue(&self, destination: &str) -> String {
        format!("actions.{}.{destination}", self.org().0)
    }

    /// The numbers of a queue: all zero if it does not exist, or with an external broker.
    #[must_use]
    pub fn queue_stats(&self, queue: &str) -> QueueStats {
        self.broker().map(|broker| broker.stats(queue)).unwrap_or_default()
    }

    /// Waits until the queue has no waiting and no un-acked message; returns at once with an external broker.
    pub async fn idle(&self, queue: &str) {
        self.queue_is(queue, |stats| stats.ready == 0 && stats.unacked == 0).await;
    }

    /// Waits until the queue has exactly this many consumers; returns at once with an external broker.
    pub async fn subscribed(&self, queue: &str, consumers: usize) {
        self.queue_is(queue, |stats| stats.consumers == consumers).await;
    }

    /// Waits until `holds` accepts the numbers of the queue; returns at once with an external broker.
    pub async fn queue_is(&self, queue: &str, holds: impl Fn(QueueStats) -> bool) {
        if let Ok(broker) = self.broker() {
            broker.until(queue, holds).await;
        }
    }

    /// Restarts the broker as after a crash: connections cut, un-acked messages redelivered, non-persistent ones lost.
    ///
    /// # Errors
    /// [`Error::is_refused`] with an external broker.
    pub async fn restart_broker(&self) -> Result<()> {
        self.broker()?.restart().await;
        Ok(())
    }

    /// Opens a destination to the API key and the user, or closes it to both, as an administrator does.
    ///
    /// # Errors
    /// [`Error::is_unknown`] if there is no such destination.
    pub fn allow(&self, destination: &str, allowed: bool) -> Result<()> {
        let mut state = self.core.platform.lock();
        let id = state.definitions.destination_named(destination);
        let id = id.ok_or_else(|| Error::unknown("message destination", destination, "create it first"))?;
        state.definitions.grant(id, allowed);
        Ok(())
    }
}
