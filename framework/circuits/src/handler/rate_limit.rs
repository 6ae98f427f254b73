//! Bounds how often a handler starts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::{Handler, HandlerFuture, Seating};
use crate::Action;

/// A handler with a limit on how often it starts; made by [`rate_limit`].
#[derive(Debug)]
pub struct RateLimit<H> {
    limit: Arc<Limit>,
    inner: Arc<H>,
}

#[derive(Debug)]
struct Limit {
    count: usize,
    per: Duration,
    /// The latest `count` starts. Whoever holds it starts next; the others wait for it in their order.
    starts: Mutex<VecDeque<Instant>>,
}

/// Starts `handler` at most `count` times in any span of `per`, for a service that allows no more. Actions beyond that
/// start later, in the order they came; while one waits, its worker is free for other incidents, and later actions of
/// the same incident wait behind it.
///
/// * Acknowledgement: after the handler's reply; while it waits the message is un-acknowledged.
/// * Disconnect: the wait goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: a waiting action is given back to the broker at once, unanswered.
/// * Redelivery after a crash: the action takes a new place; starts before the crash are forgotten.
/// * Error: that of the handler; a failed start counts.
///
/// # Panics
/// When `count` is 0, at start: nothing would ever run.
pub fn rate_limit<H>(count: usize, per: Duration, handler: H) -> RateLimit<H> {
    assert!(count > 0, "rate_limit needs a count of at least 1, otherwise no action would ever start");
    let starts = Mutex::new(VecDeque::with_capacity(count));
    RateLimit { limit: Arc::new(Limit { count, per, starts }), inner: Arc::new(handler) }
}

impl Limit {
    /// Waits until the next start may happen, and takes that place. One that is cut off while it waits has taken none.
    async fn place(&self) {
        let mut starts = self.starts.lock().await;
        if starts.len() >= self.count
            && let Some(oldest) = starts.front()
        {
            // Without an end of the span there is no further start.
            match oldest.checked_add(self.per) {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
            starts.pop_front();
        }
        starts.push_back(Instant::now());
    }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for RateLimit<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let (limit, inner) = (Arc::clone(&self.limit), Arc::clone(&self.inner));
        Box::pin(async move {
            action.seat().wait_in_lane(limit.place()).await;
            inner.call(state, action).await
        })
    }

    fn seating(&self) -> Seating {
        Seating::WaitsInLane.max(self.inner.seating())
    }

    fn combinators(&self) -> Vec<String> {
        super::around(&*self.inner, format!("rate_limit {} per {:?}", self.limit.count, self.limit.per))
    }
}

#[cfg(test)]
mod tests {
    use super::rate_limit;
    use crate::handler::timeout;
    use crate::handler::trial::{Log, Trial, ms};

    #[tokio::test]
    async fn no_span_has_more_starts_than_allowed() {
        let trial = Trial::new(1, rate_limit(2, ms(1000), Log::work)).await;
        for (name, incident) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)] {
            trial.arrives(name, incident);
        }
        let starts: Vec<_> = trial.end().await.into_iter().filter(|line| line.contains("runs")).collect();
        assert_eq!(starts, ["0 a runs", "0 b runs", "1000 c runs", "1000 d runs", "2000 e runs"]);
    }

    /// Those whose time is over before their turn comes do not keep the others from starting.
    #[tokio::test]
    async fn what_is_cut_off_while_it_waits_takes_no_place() {
        let trial = Trial::new(8, timeout(ms(50), rate_limit(1, ms(1000), Log::work))).await;
        for (name, incident) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
            trial.arrives(name, incident);
        }
        trial.pass(1100).await;
        trial.arrives("e", 5);
        let starts: Vec<_> = trial.end().await.into_iter().filter(|line| line.contains("runs")).collect();
        assert_eq!(starts, ["0 a runs", "1100 e runs"]);
    }

    #[tokio::test]
    async fn what_waits_goes_back_to_the_broker_when_the_runner_stops() {
        let trial = Trial::new(1, rate_limit(1, ms(1000), Log::work)).await;
        trial.arrives("a", 1);
        trial.arrives("b", 2);
        trial.pass(100).await;
        trial.stop();
        assert_eq!(trial.end().await, ["0 a runs", "0 a = worked", "100 b stays with the broker"]);
    }
}
