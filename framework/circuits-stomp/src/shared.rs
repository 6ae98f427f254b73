//! What the handles of a session and its task share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::delivery::{Outgoing, Subscription};
use crate::error::Error;
use crate::event::State;
use crate::options::Host;
use crate::registry::Registry;

/// Bytes of messages that may wait to be written; beyond that, `send` waits and `post` drops.
pub(crate) const OUTGOING_BYTES: usize = 8 * 1024 * 1024;
/// What a message costs beyond its body.
pub(crate) const MESSAGE_COST: usize = 256;

pub(crate) type Done = oneshot::Sender<Result<(), Error>>;

/// What handles ask of the connection task.
pub(crate) enum Command {
    Subscribe(Subscription),
    Unsubscribe {
        destination: String,
        done: Done,
    },
    Send {
        message: Outgoing,
        done: Done,
        permit: OwnedSemaphorePermit,
    },
    Post {
        message: Outgoing,
        permit: OwnedSemaphorePermit,
    },
    Transact {
        message: Outgoing,
        ack: Arc<str>,
        done: Done,
        permit: OwnedSemaphorePermit,
    },
    Ack(Arc<str>),
    /// Something the writing half waits for has changed.
    Wake,
    Disconnect,
}

/// The way to one connection; dead once that connection is.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) epoch: u64,
    host: Host,
    queue: mpsc::UnboundedSender<Command>,
    budget: Arc<Semaphore>,
    /// Why the connection ended, once it has.
    reason: Arc<OnceLock<Error>>,
    ended: CancellationToken,
}

impl Link {
    pub(crate) fn new(epoch: u64, host: Host) -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (queue, commands) = mpsc::unbounded_channel();
        let budget = Arc::new(Semaphore::new(OUTGOING_BYTES));
        let link =
            Self { epoch, host, queue, budget, reason: Arc::default(), ended: CancellationToken::new() };
        (link, commands)
    }

    pub(crate) fn push(&self, command: Command) -> bool {
        self.queue.send(command).is_ok()
    }

    /// Waits until the message fits into the bytes that may wait to be written.
    pub(crate) async fn reserve(&self, message: &Outgoing) -> Result<OwnedSemaphorePermit, Error> {
        self.budget.clone().acquire_many_owned(cost(message)).await.map_err(|_| self.loss())
    }

    pub(crate) fn try_reserve(&self, message: &Outgoing) -> Option<OwnedSemaphorePermit> {
        self.budget.clone().try_acquire_many_owned(cost(message)).ok()
    }

    /// Waits for the connection's answer to a command, or for the connection's end: a command that comes while the queue's
    /// reader goes away stays in the queue, and its sender's own handle would keep it there.
    pub(crate) async fn answer(&self, mut answer: oneshot::Receiver<Result<(), Error>>) -> Result<(), Error> {
        let answer = tokio::select! {
            biased;
            answer = &mut answer => answer.ok(),
            // Nothing is answered after the end, but something may have been just before.
            () = self.ended.cancelled() => answer.try_recv().ok(),
        };
        answer.unwrap_or_else(|| Err(self.loss()))
    }

    /// Called when nothing will be answered any more, and before the queue is dropped, so that waiting callers learn why.
    pub(crate) fn fail(&self, reason: Error) {
        let _ = self.reason.set(reason);
        self.budget.close();
        self.ended.cancel();
    }

    fn loss(&self) -> Error {
        let reason = self.reason.get().cloned().unwrap_or_else(|| Error::closed(None));
        let text = format!("the connection to {} ended before the broker confirmed: {reason}", self.host);
        Error::lost(text).at_the_end(reason)
    }
}

fn cost(message: &Outgoing) -> u32 {
    // A message beyond the whole budget takes all of it instead of waiting forever.
    let bytes = (message.body.len() + MESSAGE_COST).min(OUTGOING_BYTES);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

pub(crate) struct Shared {
    pub(crate) state: watch::Sender<State>,
    /// Asks the task to end in good order.
    pub(crate) closing: CancellationToken,
    /// Ends the task at once.
    pub(crate) abort: CancellationToken,
    /// Epoch of the present connection, 0 without one.
    live: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) link: Option<Link>,
    pub(crate) registry: Registry,
    closing: bool,
    /// How the session ended, once it has: by refusal, or by a close that the broker did not confirm.
    refused: Option<Error>,
    unconfirmed: Option<Error>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state: watch::Sender::new(state),
            closing: CancellationToken::new(),
            abort: CancellationToken::new(),
            live: AtomicU64::new(0),
            inner: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_live(&self, epoch: u64) -> bool {
        self.live.load(Ordering::Acquire) == epoch
    }

    /// The present connection.
    pub(crate) fn link(&self) -> Result<Link, Error> {
        let inner = self.lock();
        inner.refuse_if_over()?;
        inner.link.clone().ok_or_else(|| Error::lost("there is no connection to the broker at the moment"))
    }

    /// Opens a new connection to the handles; returns what to subscribe to on it. `None` when the session is being closed.
    pub(crate) fn connected(&self, link: Link) -> Option<Vec<Subscription>> {
        let mut inner = self.lock();
        if inner.closing {
            return None;
        }
        self.live.store(link.epoch, Ordering::Release);
        inner.link = Some(link);
        Some(inner.registry.restart(tokio::time::Instant::now(), fastrand::f64()))
    }

    pub(crate) fn disconnected(&self) {
        self.live.store(0, Ordering::Release);
        self.lock().link = None;
    }

    /// From now on nothing more is accepted; what was accepted before is written ahead of DISCONNECT.
    pub(crate) fn begin_close(&self) {
        let mut inner = self.lock();
        inner.closing = true;
        if let Some(link) = inner.link.take() {
            link.push(Command::Disconnect);
        }
        self.closing.cancel();
    }

    /// The last word: no command succeeds any more, no state follows.
    pub(crate) fn end(&self, refused: Option<Error>, unconfirmed: Option<Error>) {
        self.disconnected();
        let mut inner = self.lock();
        inner.closing = true;
        (inner.refused, inner.unconfirmed) = (refused.clone(), unconfirmed);
        inner.registry.clear();
        drop(inner);
        self.state.send_replace(State::Closed { reason: refused.map(Arc::new) });
    }

    /// Whether `close` was confirmed.
    pub(crate) fn outcome(&self) -> Result<(), Error> {
        self.lock().unconfirmed.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn over(&self) -> Error {
        Error::closed(self.lock().refused.clone())
    }
}

impl Inner {
    pub(crate) fn refuse_if_over(&self) -> Result<(), Error> {
        if self.closing { Err(Error::closed(self.refused.clone())) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_the_connection_never_took_is_answered_at_its_end() {
        let host = Host { name: "broker".to_owned(), port: 61613 };
        let (link, queue) = Link::new(1, host);
        let (done, answer) = oneshot::channel();
        assert!(link.push(Command::Unsubscribe { destination: "q".to_owned(), done }));
        link.fail(Error::lost("reset"));
        let error = link.answer(answer).await.unwrap_err();
        assert!(error.is_lost() && error.to_string().contains("reset"), "{error}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "reset");
        drop(queue);
    }
}
