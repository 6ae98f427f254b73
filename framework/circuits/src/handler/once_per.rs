//! Runs a handler once for all actions that mean the same.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::gate::Gate;
use super::{Handler, HandlerFuture, Seating, superseded};
use crate::{Action, Reply};

type KeyOf = Arc<dyn Fn(&Action) -> String + Send + Sync>;

/// A handler that runs once per key; made by [`once_per`].
pub struct OncePer<H> {
    key: KeyOf,
    ttl: Duration,
    done: Arc<Done>,
    inner: Arc<H>,
}

/// What is known of each key.
#[derive(Default)]
struct Done(Mutex<Keys>);

#[derive(Default)]
struct Keys {
    by_key: HashMap<String, Known>,
    /// When each success is to be forgotten, the earliest first.
    forget: VecDeque<(Instant, String)>,
}

struct Known {
    /// Lets one action of the key through at a time.
    gate: Gate,
    /// How many actions of the key wait or run.
    users: usize,
    /// When the handler last succeeded, and with what text.
    last: Option<(Instant, String)>,
}

/// The use of a key by one action; however that ends, a key without users and without a success is forgotten.
struct Use {
    done: Arc<Done>,
    key: String,
    ttl: Duration,
}

/// Runs `handler` once for all actions of the same `key` within `ttl` of its success, for work that must not be repeated,
/// such as opening a ticket per incident: `once_per(|action| action.incident_id()..., ttl, handler)`. Each later action is
/// completed with a reply that says so and repeats the text of the first. One that comes while the handler runs waits for
/// its outcome. Its worker is free meanwhile, and later actions of its incident wait behind it; around a handler that leaves
/// the lane (`defer`, `debounce`, `background`) they go on.
///
/// * Acknowledgement: after the handler's reply, or after the repeated one; while it waits the message is un-acknowledged.
/// * Disconnect: the wait goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: a waiting action is given back to the broker at once, unanswered.
/// * Redelivery after a crash: successes are kept in memory only, so the handler may run once more for the key.
/// * Error, panic or timeout: these are not a success, so the next action of the key runs the handler again.
pub fn once_per<H>(
    key: impl Fn(&Action) -> String + Send + Sync + 'static,
    ttl: Duration,
    handler: H,
) -> OncePer<H> {
    OncePer { key: Arc::new(key), ttl, done: Arc::default(), inner: Arc::new(handler) }
}

impl Done {
    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The use of a key, and the gate to it.
    fn enter(self: Arc<Self>, key: String, ttl: Duration) -> (Use, Gate) {
        let mut keys = self.lock();
        keys.forget(Instant::now(), ttl);
        let known = keys.by_key.entry(key.clone()).or_insert_with(|| Known {
            gate: Gate::new(1),
            users: 0,
            last: None,
        });
        known.users += 1;
        let gate = known.gate.clone();
        drop(keys);
        (Use { done: self, key, ttl }, gate)
    }
}

impl Keys {
    fn forget(&mut self, now: Instant, ttl: Duration) {
        while self.forget.front().is_some_and(|(when, _)| *when <= now)
            && let Some((_, key)) = self.forget.pop_front()
        {
            self.forget_unused(&key, now, ttl);
        }
    }

    fn forget_unused(&mut self, key: &str, now: Instant, ttl: Duration) {
        if self.by_key.get(key).is_some_and(|known| known.users == 0 && !known.is_done(now, ttl)) {
            self.by_key.remove(key);
        }
    }
}

impl Known {
    fn is_done(&self, now: Instant, ttl: Duration) -> bool {
        self.last.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < ttl)
    }
}

impl Use {
    /// How long ago the handler succeeded for this key, and with what text, if it still counts.
    fn earlier(&self) -> Option<(Duration, String)> {
        let now = Instant::now();
        let keys = self.done.lock();
        let known = keys.by_key.get(&self.key).filter(|known| known.is_done(now, self.ttl))?;
        known.last.as_ref().map(|(at, text)| (now.duration_since(*at), text.clone()))
    }

    fn succeeded(&self, text: &str) {
        let now = Instant::now();
        let mut keys = self.done.lock();
        if let Some(known) = keys.by_key.get_mut(&self.key) {
            known.last = Some((now, text.to_owned()));
        }
        // A time beyond all times is never over.
        if let Some(when) = now.checked_add(self.ttl) {
            keys.forget.push_back((when, self.key.clone()));
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut keys = self.done.lock();
        if let Some(known) = keys.by_key.get_mut(&self.key) {
            known.users -= 1;
        }
        keys.forget_unused(&self.key, Instant::now(), self.ttl);
    }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for OncePer<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let (key, ttl) = ((self.key)(&action), self.ttl);
        let (done, inner) = (Arc::clone(&self.done), Arc::clone(&self.inner));
        Box::pin(async move {
            let (used, gate) = done.enter(key, ttl);
            let _permit = gate.enter(action.seat(), inner.seating()).await;
            if let Some((ago, text)) = used.earlier() {
                let ago = ago.as_secs();
                return Ok(Reply::completed(format!("Already done {ago} s ago, so not done again: {text}")));
            }
            let not_run = superseded(&action);
            let outcome = inner.call(state, action).await;
            if let Ok(reply) = &outcome
                && !reply.is_error()
                // A newer action ran in its place, perhaps one of another key.
                && *reply != not_run
            {
                used.succeeded(reply.text());
            }
            outcome
        })
    }

    fn seating(&self) -> Seating {
        Seating::WaitsInLane.max(self.inner.seating())
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
    use crate::handler::{debounce, timeout};

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
                "1500 again = Already done 1 s ago, so not done again: worked",
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
                "100 b = Already done 0 s ago, so not done again: worked",
                "100 c = Already done 0 s ago, so not done again: worked"
            ]
        );
    }

    #[tokio::test]
    async fn what_gave_way_to_a_newer_action_was_not_done() {
        let newest = debounce(ms(100), Log::work).newest();
        let trial = Trial::new(2, once_per(|action| action.key().to_owned(), Duration::MAX, newest)).await;
        trial.arrives("x", 1);
        trial.pass(10).await;
        trial.arrives("y", 1);
        trial.pass(500).await;
        trial.arrives("x", 1);
        trial.arrives("y", 1);
        let all = trial.end().await;
        let runs: Vec<_> = all.iter().filter(|line| line.contains("runs")).collect();
        assert_eq!(runs, ["110 y runs", "610 x runs"], "{all:?}");
    }

    /// Neither a panic nor a timeout keeps a key from the next action, or keeps it in memory.
    #[tokio::test]
    async fn a_key_is_let_go_of_however_its_run_ends() {
        let once = once_per(per_incident, ms(2000), Log::broken);
        let done = Arc::clone(&once.done);
        let trial = Trial::new(1, once).await;
        trial.arrives("a", 1);
        assert_eq!(trial.end().await, ["0 a runs", "0 a ! The handler panicked: broken"]);
        assert!(done.lock().by_key.is_empty());

        let once = once_per(|_| "everything".to_owned(), ms(2000), Log::slow);
        let done = Arc::clone(&once.done);
        let trial = trial.next(2, timeout(ms(50), once));
        trial.arrives("a", 1);
        trial.pass(10).await;
        trial.arrives("b", 2);
        trial.pass(60).await;
        assert!(done.lock().by_key.is_empty(), "both were cut off");
        trial.arrives("c", 1);
        let runs: Vec<_> = trial.end().await.into_iter().filter(|line| line.contains("runs")).collect();
        assert_eq!(runs, ["0 a runs", "50 b runs", "70 c runs"]);
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
