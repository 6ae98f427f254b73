//! Runs a handler once for all actions that mean the same.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Handler, HandlerFuture};
use crate::{Action, Reply};

type KeyOf = Arc<dyn Fn(&Action) -> String + Send + Sync>;

/// A handler that runs once per key; made by [`once_per`].
pub struct OncePer<H> {
    key: KeyOf,
    ttl: Duration,
    done: Arc<Done>,
    inner: Arc<H>,
}

/// Held by whoever runs the handler for a key; holds when that last succeeded, and with what text.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, String)>>>;

#[derive(Default)]
struct Done(Mutex<Slots>);

#[derive(Default)]
struct Slots {
    by_key: HashMap<String, Slot>,
    /// When each success is to be forgotten, the earliest first.
    forget: VecDeque<(Instant, String)>,
}

/// Runs `handler` once for all actions of the same `key` within `ttl` of its success, for work that must not be repeated,
/// such as opening a ticket per incident: `once_per(|action| action.incident_id()..., ttl, handler)`. Each later action is completed
/// with a reply that says so and repeats the text of the first. One that comes while the handler runs waits for its outcome;
/// its worker is free meanwhile.
///
/// * Acknowledgement: after the handler's reply, or after the repeated one; while it waits the message is un-acknowledged.
/// * Disconnect: the wait goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: what waits is given back to the broker at once, unanswered.
/// * Redelivery after a crash: successes are kept in memory only, so the handler may run once more for the key.
/// * Error: not a success: the next action of the key runs the handler again.
pub fn once_per<H>(
    key: impl Fn(&Action) -> String + Send + Sync + 'static,
    ttl: Duration,
    handler: H,
) -> OncePer<H> {
    OncePer { key: Arc::new(key), ttl, done: Arc::default(), inner: Arc::new(handler) }
}

impl Done {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &str, now: Instant) -> Slot {
        let mut slots = self.lock();
        slots.forget(now);
        Arc::clone(slots.by_key.entry(key.to_owned()).or_default())
    }

    fn succeeded(&self, key: String, forget: Instant) {
        self.lock().forget.push_back((forget, key));
    }

    /// A key that failed needs no memory once nobody waits for it.
    fn failed(&self, key: &str) {
        let mut slots = self.lock();
        // One is the map's, one that of the caller.
        if slots.by_key.get(key).is_some_and(|slot| Arc::strong_count(slot) <= 2) {
            slots.by_key.remove(key);
        }
    }
}

impl Slots {
    fn forget(&mut self, now: Instant) {
        while self.forget.front().is_some_and(|(when, _)| *when <= now)
            && let Some((_, key)) = self.forget.pop_front()
        {
            // Whoever uses it now succeeds or fails, and sees to it then.
            if self.by_key.get(&key).is_some_and(|slot| Arc::strong_count(slot) == 1) {
                self.by_key.remove(&key);
            }
        }
    }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for OncePer<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let (key, ttl) = ((self.key)(&action), self.ttl);
        let (done, inner) = (Arc::clone(&self.done), Arc::clone(&self.inner));
        Box::pin(async move {
            let slot = done.slot(&key, Instant::now());
            let mut last = match slot.try_lock() {
                Ok(last) => last,
                Err(_) => action.seat().wait_for(slot.lock()).await,
            };
            if let Some((at, text)) = &*last
                && at.elapsed() < ttl
            {
                return Ok(Reply::completed(format!(
                    "Done {} s ago already, so not again: {text}",
                    at.elapsed().as_secs()
                )));
            }
            let outcome = inner.call(state, action).await;
            match &outcome {
                Ok(reply) if !reply.is_error() => {
                    let now = Instant::now();
                    *last = Some((now, reply.text().to_owned()));
                    done.succeeded(key, now + ttl);
                }
                _ => {
                    drop(last);
                    done.failed(&key);
                }
            }
            outcome
        })
    }

    fn waits(&self) -> bool {
        true
    }

    fn combinators(&self) -> Vec<String> {
        super::around(&*self.inner, format!("once_per {:?}", self.ttl))
    }
}

impl<H> fmt::Debug for OncePer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OncePer").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::trial::{Log, Trial, ms};

    fn per_incident(action: &Action) -> String {
        action.incident_id().unwrap().to_string()
    }

    #[tokio::test]
    async fn runs_once_until_the_time_is_over() {
        let once = once_per(per_incident, ms(2000), Log::work);
        let done = Arc::clone(&once.done);
        let trial = Trial::new(1, once).await;
        trial.arrives("a", 1);
        trial.arrives("other", 2);
        trial.pass(1500).await;
        trial.arrives("again", 1);
        trial.pass(500).await;
        trial.arrives("later", 1);
        assert_eq!(
            trial.end().await,
            [
                "0 a runs",
                "0 a = worked",
                "0 other runs",
                "0 other = worked",
                "1500 again = Done 1 s ago already, so not again: worked",
                "2000 later runs",
                "2000 later = worked"
            ]
        );
        assert_eq!(done.lock().by_key.len(), 1, "the other key is forgotten");
    }

    #[tokio::test]
    async fn one_that_comes_meanwhile_waits_for_the_outcome() {
        let trial = Trial::new(2, once_per(|_| "everything".to_owned(), ms(2000), Log::slow)).await;
        trial.arrives("a", 1);
        trial.arrives("b", 2);
        trial.arrives("c", 3);
        assert_eq!(
            trial.end().await,
            [
                "0 a runs",
                "100 a ends",
                "100 a = worked",
                "100 b = Done 0 s ago already, so not again: worked",
                "100 c = Done 0 s ago already, so not again: worked"
            ]
        );
    }

    #[tokio::test]
    async fn a_failure_counts_as_nothing() {
        let once = once_per(per_incident, ms(2000), Log::work);
        let done = Arc::clone(&once.done);
        let trial = Trial::new(1, once).await;
        *trial.log.failures.lock().unwrap() = 2;
        trial.arrives("a", 1);
        trial.arrives("b", 1);
        trial.pass(10).await;
        assert!(done.lock().by_key.is_empty(), "a key that failed is forgotten");
        trial.arrives("c", 1);
        let all = trial.end().await;
        assert_eq!(
            all,
            ["0 a runs", "0 a ! no luck", "0 b runs", "0 b ! no luck", "10 c runs", "10 c = worked"]
        );
    }
}
