//! Bounds how long a handler may run.

use std::sync::Arc;
use std::time::Duration;

use super::{Handler, HandlerFuture};
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
/// Shorter limits than the runner's `handler_timeout` are what this is for; except in [`background`](super::background) a
/// longer one has no effect.
///
/// * Acknowledgement: after the handler's reply or the error that takes its place.
/// * Disconnect: the time runs on.
/// * Shutdown: what runs may finish, within its limit and the grace time.
/// * Redelivery after a crash: the time starts anew.
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

    fn waits(&self) -> bool {
        self.inner.waits()
    }
}

/// The error of a handler that ran out of time, whoever set the limit.
pub(crate) fn timed_out(limit: Duration) -> Error {
    Error::new(format_args!("The handler did not finish within {} s and was stopped", limit.as_secs_f64()))
}
