//! One run of one handler for one action, the same in a runner and in a test: its time is limited, its panic becomes an error,
//! and once it has ended it reports nothing more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use circuits_rest::Rest;
use circuits_stomp::Headers;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, debug, error};

use super::seat::Seat;
use crate::action::Inner;
use crate::blocking::panic_text;
use crate::callback::Callbacks;
use crate::component::BoundHandler;
use crate::handler::timed_out;
use crate::message::ActionMessage;
use crate::{Action, Error, Reply, Result};

/// Receives an action's progress.
pub(crate) type Listener = Box<dyn Fn(Reply) + Send + Sync>;

/// A handler and the action that it is to handle.
pub(crate) struct Handling {
    pub(crate) handler: BoundHandler,
    /// How long it may be at work without a break.
    pub(crate) limit: Option<Duration>,
    /// The function whose failure becomes its result (`trap_exception`).
    pub(crate) trap: Option<String>,
    pub(crate) seat: Arc<Seat>,
    /// The action's key.
    pub(crate) key: String,
    pub(crate) rule: Option<String>,
    pub(crate) message: ActionMessage,
    pub(crate) headers: Headers,
    pub(crate) rest: Rest,
    pub(crate) status: Listener,
    pub(crate) callbacks: Callbacks,
}

impl Handling {
    /// Runs the handler. If this future is dropped before the end, or `abort` is cancelled, the handler is stopped, and whatever
    /// it left running elsewhere learns of it.
    ///
    /// # Errors
    /// The error of the handler, its panic, or that its time was up.
    pub(crate) async fn run(self, abort: &CancellationToken) -> Result<Reply> {
        let cancel = abort.child_token();
        let _ended = cancel.clone().drop_guard();
        let progress = Progress::new(self.status);
        let (handler, seat) = (self.handler, Arc::clone(&self.seat));
        let action = Action::from(Inner {
            key: self.key,
            rule: self.rule,
            message: self.message,
            headers: self.headers,
            rest: self.rest,
            seat: self.seat,
            cancel,
            status: progress.teller(),
            callbacks: self.callbacks,
        });
        // A task of its own, so that a panic ends there.
        let run =
            AbortOnDropHandle::new(tokio::spawn(async move { handler.call(action).await }.in_current_span()));
        let outcome = tokio::select! {
            biased;
            joined = run => joined.unwrap_or_else(|error| {
                Err(Error::new(format_args!("The handler panicked: {}", panic_text(error))))
            }),
            () = seat.overstayed(self.limit) => Err(timed_out(self.limit.unwrap_or_default())),
        };
        match (outcome, self.trap) {
            (Err(error), Some(function)) => {
                error!(error = ?error, "The function failed; with trap_exception that is its result");
                let (status, result) = Reply::trapped(&function, &error);
                progress.teller()(status);
                Ok(result)
            }
            (outcome, _) => outcome,
        }
    }
}

/// Passes statuses on until it is dropped: one that came after the final reply would reopen the action.
struct Progress(Arc<Mutex<Option<Listener>>>);

impl Progress {
    fn new(listener: Listener) -> Self {
        Self(Arc::new(Mutex::new(Some(listener))))
    }

    fn teller(&self) -> Listener {
        let listener = Arc::clone(&self.0);
        Box::new(move |reply| {
            // Held while the status is passed on, so that none can follow the end.
            match &*listener.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(tell) => tell(reply),
                None => debug!(text = reply.text(), "A status that comes after the final reply is dropped"),
            }
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests {
    use crate::handler::trial::{Log, Trial, ms};

    #[tokio::test]
    async fn no_status_comes_after_the_final_reply() {
        let trial = Trial::new(1, Log::chatty).await;
        trial.arrives("a", 1);
        trial.pass(200).await;
        assert_eq!(trial.end().await, ["0 a status begun", "0 a = worked"]);
    }

    #[tokio::test]
    async fn a_panic_and_the_end_of_the_time_are_errors() {
        let trial = Trial::new(1, Log::broken).await;
        trial.arrives("a", 1);
        assert_eq!(trial.end().await, ["0 a runs", "0 a ! The handler panicked: broken"]);
        let mut trial = trial.next(1, Log::slow);
        trial.limit = Some(ms(50));
        trial.arrives("a", 1);
        let stopped = "50 a ! The handler did not finish within 0.05 s and was stopped";
        assert_eq!(trial.end().await, ["0 a runs", stopped]);
    }
}
