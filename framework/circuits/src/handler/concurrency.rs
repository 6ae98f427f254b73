//! Bounds how many runs of a handler there are at a time.

use std::sync::Arc;

use super::gate::Gate;
use super::{Handler, HandlerFuture, Seating};
use crate::Action;

/// A handler with a limit on how many of its runs there are at a time; made by [`concurrency`].
#[derive(Debug)]
pub struct Concurrency<H> {
    limit: usize,
    gate: Gate,
    inner: Arc<H>,
}

/// Runs `handler` for at most `limit` actions at a time, for a service that can take no more; `1` makes it exclusive.
/// Actions beyond that wait in the order they came. While one waits, its worker is free for other incidents, and later
/// actions of the same incident wait behind it; around a handler that leaves the lane (`defer`, `debounce`, `background`)
/// they go on.
///
/// * Acknowledgement: after the handler's reply; while it waits the message is un-acknowledged.
/// * Disconnect: the wait goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: a waiting action is given back to the broker at once, unanswered.
/// * Redelivery after a crash: the action waits again.
/// * Error: that of the handler; after an error, a panic or a timeout the place is free again too.
///
/// # Panics
/// When `limit` is 0, at start: nothing would ever run.
pub fn concurrency<H>(limit: usize, handler: H) -> Concurrency<H> {
    assert!(limit > 0, "concurrency needs a limit of at least 1, otherwise no action would ever run");
    Concurrency { limit, gate: Gate::new(limit), inner: Arc::new(handler) }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for Concurrency<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let (gate, inner) = (self.gate.clone(), Arc::clone(&self.inner));
        Box::pin(async move {
            let _permit = gate.enter(action.seat(), inner.seating()).await;
            inner.call(state, action).await
        })
    }

    fn seating(&self) -> Seating {
        Seating::WaitsInLane.max(self.inner.seating())
    }

    fn combinators(&self) -> Vec<String> {
        super::around(&*self.inner, format!("concurrency {}", self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::concurrency;
    use crate::handler::trial::{Log, Trial};

    #[tokio::test]
    async fn no_more_run_than_allowed_and_order_is_kept() {
        let trial = Trial::new(8, concurrency(1, Log::slow)).await;
        for (name, incident) in [("a", 1), ("b", 2), ("c", 3)] {
            trial.arrives(name, incident);
        }
        let starts: Vec<_> = trial.end().await.into_iter().filter(|line| line.contains("runs")).collect();
        assert_eq!(starts, ["0 a runs", "100 b runs", "200 c runs"]);
    }

    #[tokio::test]
    async fn what_waits_goes_back_to_the_broker_and_what_runs_ends_when_the_runner_stops() {
        let trial = Trial::new(8, concurrency(1, Log::slow)).await;
        trial.arrives("a", 1);
        trial.arrives("b", 2);
        trial.pass(50).await;
        trial.stop();
        assert_eq!(
            trial.end().await,
            ["0 a runs", "50 b stays with the broker", "100 a ends", "100 a = worked"]
        );
    }
}
