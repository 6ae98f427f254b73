//! Bounds how often a handler starts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Handler, HandlerFuture};
use crate::Action;

/// A handler that starts so often at most; made by [`rate_limit`].
#[derive(Debug)]
pub struct RateLimit<H> {
    limit: Arc<Limit>,
    inner: Arc<H>,
}

#[derive(Debug)]
struct Limit {
    count: usize,
    per: Duration,
    /// The latest `count` starts, some of them to come.
    starts: Mutex<VecDeque<Instant>>,
}

/// Starts `handler` at most `count` times in any span of `per`, for a service that allows no more. Actions beyond that
/// start later, in the order they came; while one waits its worker is free for other incidents, and later actions of
/// the same incident wait behind it.
///
/// * Acknowledgement: after the handler's reply; while it waits the message is un-acknowledged.
/// * Disconnect: the wait goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: what waits is given back to the broker at once, unanswered.
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
    /// When the next start may be; takes that place.
    fn reserve(&self, now: Instant) -> Instant {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let start = if starts.len() < self.count {
            now
        } else {
            starts.pop_front().map_or(now, |oldest| now.max(oldest + self.per))
        };
        starts.push_back(start);
        start
    }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for RateLimit<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let (limit, inner) = (Arc::clone(&self.limit), Arc::clone(&self.inner));
        Box::pin(async move {
            let now = Instant::now();
            let start = limit.reserve(now);
            if start > now {
                action.seat().wait_for(sleep_until(start)).await;
            }
            inner.call(state, action).await
        })
    }

    fn waits(&self) -> bool {
        true
    }
}
