//! Bounds how long a handler may run.

use std::sync::Arc;
use std::time::Duration;

use super::{Handler, HandlerFuture, Seating};
use crate::{Action, Error};

/// A handler with a time limit; made by [`timeout`].
#[derive(Clone, Debug)]
pub struct Timeout<H> {
    limit: Duration,
    inner: H,
}

/// Gives `handler` at most `limit` from its start. After that its future is dropped and the action is answered with an error.
/// The waits of combinators inside count: `timeout(d, defer(..))` limits both together, `defer(delay, timeout(d, ..))` the
/// handler alone.
///
/// It is meant for limits shorter than the runner's `handler_timeout`; except in [`background`](super::background), a
/// longer one has no effect.
///
/// * Acknowledgement: after the handler's reply or the error that takes its place.
/// * Disconnect: the time runs on.
/// * Shutdown: a running handler may finish, within its limit and the grace time.
/// * Redelivery after a crash: the time starts again.
/// * Error: that of the handler, or that it did not finish in time.
pub fn timeout<H>(limit: Duration, handler: H) -> Timeout<H> {
    Timeout { limit, inner: handler }
}

impl<S, Form, H: Handler<S, Form>> Handler<S, Form> for Timeout<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let limit = self.limit;
        let run = self.inner.call(state, action);
        Box::pin(
            async move { tokio::time::timeout(limit, run).await.unwrap_or_else(|_| Err(timed_out(limit))) },
        )
    }

    fn seating(&self) -> Seating {
        self.inner.seating()
    }

    fn combinators(&self) -> Vec<String> {
        super::around(&self.inner, format!("timeout {:?}", self.limit))
    }
}

/// The error of a handler that ran out of time, wherever the limit was set.
pub(crate) fn timed_out(limit: Duration) -> Error {
    Error::new(format_args!("The handler did not finish within {} s and was stopped", limit.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::timeout;
    use crate::handler::defer;
    use crate::handler::trial::{Log, Trial, ms};

    const STOPPED: &str = "The handler did not finish within 0.05 s and was stopped";

    #[tokio::test]
    async fn a_handler_that_takes_too_long_is_stopped() {
        let trial = Trial::new(1, timeout(ms(50), Log::slow)).await;
        trial.arrives("a", 1);
        assert_eq!(trial.end().await, ["0 a runs".to_owned(), format!("50 a ! {STOPPED}")]);
    }

    #[tokio::test]
    async fn a_wait_around_it_does_not_count() {
        let trial = Trial::new(1, defer(ms(500), timeout(ms(50), Log::work))).await;
        trial.arrives("a", 1);
        assert_eq!(trial.end().await, ["500 a runs", "500 a = worked"]);
    }

    #[tokio::test]
    async fn a_wait_inside_it_counts() {
        let trial = Trial::new(1, timeout(ms(50), defer(ms(500), Log::work))).await;
        trial.arrives("a", 1);
        assert_eq!(trial.end().await, [format!("50 a ! {STOPPED}")]);
    }
}
