//! The handle of a session.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::DropGuard;

use crate::connector::{Dial, TlsDial};
use crate::delivery::{AckToken, Deliveries, Outgoing, Subscription};
use crate::error::{Error, Kind};
use crate::event::State;
use crate::options::Options;
use crate::shared::{Command, Shared};
use crate::supervisor::Supervisor;

/// A STOMP session; a cheap handle to its task. When the last handle is dropped without [`close`](Self::close), the
/// connection is dropped too.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
    /// Ends the task with the last handle.
    _alive: Arc<DropGuard>,
}

impl Session {
    /// Spawns the connection task on the current tokio runtime. It connects at once and reconnects forever.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(options: Options) -> (Session, Deliveries) {
        let dial = TlsDial::new(options.tls.clone());
        Self::start_with(options, Box::new(dial))
    }

    pub(crate) fn start_with(options: Options, dial: Box<dyn Dial>) -> (Session, Deliveries) {
        let shared = Arc::new(Shared::new(State::Connecting { host: options.hosts[0].clone(), attempt: 1 }));
        let (deliveries, queue) = mpsc::unbounded_channel();
        let supervisor = Supervisor { options, dial, shared: shared.clone(), deliveries };
        tokio::spawn(supervisor.run());
        let alive = Arc::new(shared.abort.clone().drop_guard());
        (Session { shared: shared.clone(), _alive: alive }, Deliveries { queue, shared })
    }

    /// A session that never connects, for a process that works without a broker: nothing is delivered, what is sent is
    /// [lost](Error::is_lost), a subscription waits forever, and [`close`](Self::close) succeeds at once.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn off() -> (Session, Deliveries) {
        let shared = Arc::new(Shared::new(State::Off));
        let (deliveries, queue) = mpsc::unbounded_channel();
        let (abort, closing) = (shared.abort.clone(), shared.closing.clone());
        let ending = Arc::clone(&shared);
        tokio::spawn(async move {
            // Kept until the end: without a sender, the queue of deliveries would end.
            let _deliveries = deliveries;
            tokio::select! {
                () = abort.cancelled() => {}
                () = closing.cancelled() => {}
            }
            ending.end(None, None);
        });
        let alive = Arc::new(shared.abort.clone().drop_guard());
        (Session { shared: shared.clone(), _alive: alive }, Deliveries { queue, shared })
    }

    /// The connection's state, to read or to watch.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Subscribes for good: set up again on every connection. Resolves on the broker's receipt and waits for a connection if
    /// there is none. Dropping the future does not take the subscription back. Subscribing to a destination again does
    /// nothing.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused) (and perhaps [`is_unauthorised`](Error::is_unauthorised)): the broker refused, and
    /// the subscription is forgotten. [`is_closed`](Error::is_closed). A subscription that worked once is never given up:
    /// refused on a later connection, it is logged as an error and tried again.
    pub async fn subscribe(&self, subscription: Subscription) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        {
            let mut inner = self.shared.lock();
            inner.refuse_if_over()?;
            if inner.registry.add(subscription.clone(), done)
                && let Some(link) = &inner.link
            {
                link.push(Command::Subscribe(subscription));
            }
        }
        answer.await.unwrap_or_else(|_| Err(self.shared.over()))
    }

    /// Takes a subscription back; `Ok` also when there was none or the connection went away meanwhile. Messages that the
    /// broker sent before still arrive.
    ///
    /// Acknowledge first: with the subscription, its unacknowledged deliveries go back to the queue. An ACK for one of them
    /// then has no effect on ActiveMQ and makes RabbitMQ close the connection.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused), [`is_closed`](Error::is_closed).
    pub async fn unsubscribe(&self, destination: &str) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        let link = {
            let mut inner = self.shared.lock();
            inner.refuse_if_over()?;
            let known = inner.registry.remove(destination);
            inner.link.clone().filter(|_| known)
        };
        let Some(link) = link else { return Ok(()) };
        link.push(Command::Unsubscribe { destination: destination.to_owned(), done });
        match link.answer(answer).await {
            Err(error) if error.is_lost() => Ok(()),
            answer => answer,
        }
    }

    /// Sends a persistent message; `Ok` means that the broker confirmed it. Waits while many bytes are on their way already.
    /// Once the message is handed over, dropping the future does not take it back.
    ///
    /// # Errors
    /// [`is_lost`](Error::is_lost): the connection went away first (outcome unknown) or there is none (nothing was sent).
    /// [`is_refused`](Error::is_refused): ERROR for this message. [`is_closed`](Error::is_closed).
    pub async fn send(&self, message: Outgoing) -> Result<(), Error> {
        let link = self.shared.link()?;
        let permit = link.reserve(&message).await?;
        let (done, answer) = oneshot::channel();
        link.push(Command::Send { message, done, permit });
        link.answer(answer).await
    }

    /// Sends a message that may be lost: it is not confirmed, and dropped if there is no connection or too many bytes wait.
    /// It arrives before what is sent later to the same destination, so it is persistent like the rest: ActiveMQ keeps no
    /// order between persistent messages and others.
    pub fn post(&self, message: Outgoing) {
        let Ok(link) = self.shared.link() else {
            tracing::debug!(destination = message.destination, "Interim message dropped: not connected.");
            return;
        };
        match link.try_reserve(&message) {
            Some(permit) => {
                link.push(Command::Post { message, permit });
            }
            None => {
                tracing::debug!(
                    destination = message.destination,
                    "Interim message dropped: the broker takes bytes slower than they come."
                );
            }
        }
    }

    /// Sends a persistent message and acknowledges a delivery in one transaction: both happen or neither.
    ///
    /// # Errors
    /// As [`send`](Self::send). After [`is_refused`](Error::is_refused) nothing happened, and the connection is dropped:
    /// brokers take no other ACK for this delivery, so it has to come again on the next one. After
    /// [`is_lost`](Error::is_lost) the outcome is unknown. [`is_stale`](Error::is_stale): the delivery's connection is gone
    /// and nothing was sent.
    pub async fn send_and_ack(&self, message: Outgoing, token: &AckToken) -> Result<(), Error> {
        if token.is_nothing() {
            return self.send(message).await;
        }
        let stale =
            || Error::new(Kind::Stale, "the delivery belongs to a connection that is gone; it comes again");
        let link = match self.shared.link() {
            Ok(link) if link.epoch == token.epoch => link,
            Err(error) if error.is_closed() => return Err(error),
            _ => return Err(stale()),
        };
        let permit = link.reserve(&message).await?;
        let (done, answer) = oneshot::channel();
        link.push(Command::Transact { message, ack: token.id.clone(), done, permit });
        link.answer(answer).await
    }

    /// Acknowledges a delivery, without waiting for anything. False when its connection is gone: nothing is sent then, and
    /// the broker delivers the message again. Spend each token once; a second ACK makes RabbitMQ close the connection.
    pub fn ack(&self, token: &AckToken) -> bool {
        if token.is_nothing() {
            return true;
        }
        let link = self.shared.link().ok().filter(|link| link.epoch == token.epoch && !token.id.is_empty());
        link.is_some_and(|link| link.push(Command::Ack(token.id.clone())))
    }

    /// Ends the session in good order: what was accepted is written and confirmed, then DISCONNECT with a receipt. Without a
    /// connection it ends at once. After `timeout` the connection is dropped as it is.
    ///
    /// # Errors
    /// [`is_lost`](Error::is_lost): the broker did not confirm the end, in time or at all. The session is closed all the
    /// same.
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        self.shared.begin_close();
        let mut state = self.shared.state.subscribe();
        let closed = |state: &State| matches!(state, State::Closed { .. });
        if tokio::time::timeout(timeout, state.wait_for(closed)).await.is_ok() {
            return self.shared.outcome();
        }
        self.shared.abort.cancel();
        let _ = state.wait_for(closed).await;
        Err(Error::lost(format!("the broker did not confirm the end of the session within {timeout:?}")))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &*self.shared.state.borrow()).finish()
    }
}
