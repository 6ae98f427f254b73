//! Runs a handler when the actions of an incident (or of any other key) have been quiet for a while.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::room::{Room, Waited};
use super::{Handler, HandlerFuture, Seating, later, superseded};
use crate::Action;

type KeyOf = Arc<dyn Fn(&Action) -> String + Send + Sync>;

/// A handler that waits for quiet; made by [`debounce`].
pub struct Debounce<H> {
    quiet: Duration,
    max_wait: Option<Duration>,
    newest: bool,
    key: KeyOf,
    room: Arc<Room<String>>,
    inner: Arc<H>,
}

/// Runs `handler` once no action of the same key has come for `quiet`. The key is the rule and the incident, unless
/// [`key`](Debounce::key) says otherwise. All waiting actions then run, in the order they came; with
/// [`newest`](Debounce::newest) only the latest does.
///
/// An action counts when its turn comes, so actions behind a long handler of their incident count when it is done.
///
/// * Acknowledgement: after the handler's reply, as for every action; while it waits the message is un-acknowledged. A
///   superseded action is answered "superseded" and acknowledged at once.
/// * Disconnect: the wait goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: a waiting action is given back to the broker at once, unanswered, and the next runner starts its wait again.
/// * Redelivery after a crash: the wait starts again, with the actions that are left.
/// * Error: that of the handler; it concerns its own action only.
///
/// Waiting takes memory, not a worker; the broker sends no more than `stomp_prefetch_limit` messages per destination.
pub fn debounce<H>(quiet: Duration, handler: H) -> Debounce<H> {
    let key = |action: &Action| format!("{} {}", action.seat().lane(), action.rule().unwrap_or_default());
    Debounce {
        quiet,
        max_wait: None,
        newest: false,
        key: Arc::new(key),
        room: Arc::default(),
        inner: Arc::new(handler),
    }
}

impl<H> Debounce<H> {
    /// Runs only the latest action of a key. Each earlier one is completed as soon as a newer one comes, with a reply that
    /// says so.
    #[must_use]
    pub fn newest(mut self) -> Self {
        self.newest = true;
        self
    }

    /// Lets actions of the same `key` wait for each other, whatever their incident. Actions of different incidents still run
    /// in parallel.
    #[must_use]
    pub fn key(mut self, key: impl Fn(&Action) -> String + Send + Sync + 'static) -> Self {
        self.key = Arc::new(key);
        self
    }

    /// Waits at most `max_wait` from the first waiting action of a key, so that a steady stream of them cannot hold the
    /// handler off forever. Default: no bound.
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = Some(max_wait);
        self
    }

    fn due(&self, now: Instant, since: Instant) -> Instant {
        let quiet = later(now, self.quiet);
        self.max_wait.map_or(quiet, |max_wait| quiet.min(later(since, max_wait)))
    }
}

impl<H> Clone for Debounce<H> {
    fn clone(&self) -> Self {
        Self {
            key: Arc::clone(&self.key),
            room: Arc::clone(&self.room),
            inner: Arc::clone(&self.inner),
            ..*self
        }
    }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for Debounce<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let this = self.clone();
        Box::pin(async move {
            let waited = this.room.wait((this.key)(&action), action.seat(), |entry, now| {
                let due = this.due(now, entry.since);
                if this.newest {
                    entry.supersede();
                } else {
                    entry.postpone(due);
                }
                due
            });
            match waited.await {
                Waited::Due => this.inner.call(state, action).await,
                Waited::Superseded => Ok(superseded(&action)),
            }
        })
    }

    fn seating(&self) -> Seating {
        Seating::LeavesLane
    }

    fn combinators(&self) -> Vec<String> {
        let newest = if self.newest { " newest" } else { "" };
        let longest = self.max_wait.map_or_else(String::new, |longest| format!(" at most {longest:?}"));
        super::around(&*self.inner, format!("debounce {:?}{newest}{longest}", self.quiet))
    }
}

impl<H> fmt::Debug for Debounce<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Debounce")
            .field("quiet", &self.quiet)
            .field("max_wait", &self.max_wait)
            .field("newest", &self.newest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Debounce, debounce};
    use crate::handler::trial::{Log, Trial, ms};
    use crate::handler::{Handler, WithState, timeout};

    const SUPERSEDED: &str =
        "Superseded: a newer \"Rule\" action came while this one waited, and is handled instead";

    #[tokio::test]
    async fn all_run_in_order_once_it_is_quiet() {
        let trial = Trial::new(1, debounce(ms(200), Log::work)).await;
        trial.arrives("a", 1);
        trial.pass(150).await;
        trial.arrives("b", 1);
        trial.arrives("other", 2);
        trial.pass(150).await;
        trial.arrives("c", 1);
        assert_eq!(
            trial.end().await,
            [
                "350 other runs",
                "350 other = worked",
                "500 a runs",
                "500 a = worked",
                "500 b runs",
                "500 b = worked",
                "500 c runs",
                "500 c = worked"
            ]
        );
    }

    #[tokio::test]
    async fn newest_answers_the_others_at_once() {
        let trial = Trial::new(1, debounce(ms(200), Log::work).newest()).await;
        trial.arrives("a", 1);
        trial.pass(150).await;
        trial.arrives("b", 1);
        trial.arrives("other", 2);
        trial.pass(150).await;
        trial.arrives("c", 1);
        assert_eq!(
            trial.end().await,
            [
                format!("150 a = {SUPERSEDED}"),
                format!("300 b = {SUPERSEDED}"),
                "350 other runs".to_owned(),
                "350 other = worked".to_owned(),
                "500 c runs".to_owned(),
                "500 c = worked".to_owned()
            ]
        );
    }

    /// The runs that come of five actions, one every 150 ms.
    async fn runs_of_a_stream(debounced: Debounce<impl Handler<Log, WithState>>) -> Vec<String> {
        let trial = Trial::new(1, debounced.max_wait(ms(500))).await;
        for name in ["a", "b", "c", "d", "e"] {
            trial.arrives(name, 1);
            trial.pass(150).await;
        }
        trial.end().await.into_iter().filter(|line| line.contains("runs")).collect()
    }

    #[tokio::test]
    async fn a_steady_stream_runs_all_the_same() {
        let runs = runs_of_a_stream(debounce(ms(200), Log::work)).await;
        assert_eq!(runs, ["500 a runs", "500 b runs", "500 c runs", "500 d runs", "800 e runs"]);
    }

    #[tokio::test]
    async fn the_newest_of_a_steady_stream_runs_all_the_same() {
        let runs = runs_of_a_stream(debounce(ms(200), Log::work).newest()).await;
        assert_eq!(runs, ["500 d runs", "800 e runs"]);
    }

    #[tokio::test]
    async fn a_key_of_its_own_joins_incidents() {
        let one_for_all = debounce(ms(200), Log::work).newest().key(|_| "everything".to_owned());
        let trial = Trial::new(2, one_for_all).await;
        trial.arrives("a", 1);
        trial.arrives("b", 2);
        let all = trial.end().await;
        assert_eq!(
            all,
            [format!("0 a = {SUPERSEDED}"), "200 b runs".to_owned(), "200 b = worked".to_owned()]
        );
    }

    #[tokio::test]
    async fn an_action_behind_a_long_run_waits_anew() {
        let trial = Trial::new(1, debounce(ms(50), Log::slow)).await;
        trial.arrives("a", 1);
        trial.pass(60).await;
        trial.arrives("b", 1);
        let runs = trial.end().await;
        assert_eq!(
            runs,
            ["50 a runs", "150 a ends", "150 a = worked", "200 b runs", "300 b ends", "300 b = worked"]
        );
    }

    #[tokio::test]
    async fn what_waits_goes_back_to_the_broker_when_the_runner_stops() {
        let trial = Trial::new(1, debounce(ms(500), Log::work).newest()).await;
        trial.arrives("a", 1);
        trial.pass(10).await;
        trial.arrives("b", 1);
        trial.pass(90).await;
        trial.stop();
        assert_eq!(
            trial.end().await,
            [format!("10 a = {SUPERSEDED}"), "100 b stays with the broker".to_owned()]
        );
    }

    #[tokio::test]
    async fn a_wait_that_is_cut_off_leaves_nothing_behind() {
        let debounced = debounce(ms(500), Log::work);
        let room = std::sync::Arc::clone(&debounced.room);
        let trial = Trial::new(1, timeout(ms(100), debounced)).await;
        trial.arrives("a", 1);
        assert_eq!(trial.end().await, ["100 a ! The handler did not finish within 0.1 s and was stopped"]);
        assert!(room.is_empty());
    }
}
