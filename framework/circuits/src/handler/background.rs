//! Lets a handler run on while the other actions of its incident are handled.

use std::sync::Arc;

use super::{Handler, HandlerFuture, Seating};
use crate::Action;

/// A handler that runs beside the others; made by [`background`].
#[derive(Debug)]
pub struct Background<H> {
    inner: Arc<H>,
}

/// Runs `handler` beside everything else, for work of minutes or hours: it occupies no worker, later actions of the incident
/// do not wait for it, and `handler_timeout` does not apply. The action stays pending until the work really ends; say
/// that it has begun with [`Action::status`], and bound it with [`timeout`](super::timeout) inside and
/// [`concurrency`](super::concurrency) around.
///
/// * Acknowledgement: after the handler's reply, which may be hours later; until then the message is un-acknowledged.
/// * Disconnect: the work goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: it has the grace time (`shutdown_timeout`) to finish; then it is stopped and the message goes back to the
///   broker unanswered.
/// * Redelivery after a crash: the work begins again; use [`Action::key`] to find what it began before.
/// * Error: that of the handler.
pub fn background<H>(handler: H) -> Background<H> {
    Background { inner: Arc::new(handler) }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for Background<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            action.seat().leave_for_good();
            inner.call(state, action).await
        })
    }

    fn seating(&self) -> Seating {
        Seating::LeavesLane
    }

    fn combinators(&self) -> Vec<String> {
        super::around(&*self.inner, "background".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::background;
    use crate::handler::trial::{Log, Trial};

    #[tokio::test]
    async fn occupies_neither_worker_nor_lane_and_may_finish_at_shutdown() {
        let trial = Trial::new(1, background(Log::slow)).await;
        trial.arrives("a", 1);
        trial.arrives("b", 1);
        trial.pass(50).await;
        trial.stop();
        assert_eq!(
            trial.end().await,
            ["0 a runs", "0 b runs", "100 a ends", "100 b ends", "100 a = worked", "100 b = worked"]
        );
    }
}
