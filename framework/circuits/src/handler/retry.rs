//! Runs a handler again when it fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::{Handler, HandlerFuture, Seating};
use crate::backoff::doubling;
use crate::{Action, Error};

/// When, and how often, [`retry`] runs a handler again.
#[derive(Clone)]
pub struct Policy {
    attempts: u32,
    delay: Duration,
    max_delay: Duration,
    when: Arc<dyn Fn(&Error) -> bool + Send + Sync>,
}

impl Policy {
    /// Runs a handler again after every error, at most `attempts` times in all. The wait is 1 s after the first failure, doubles
    /// each time up to 60 s, and is shortened by up to half at random, so that actions that failed together do not return
    /// together.
    pub fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            when: Arc::new(|_| true),
        }
    }

    /// The wait after the first failure.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The longest wait.
    #[must_use]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// Runs it again only after errors for which `when` is true; the others are final at once.
    #[must_use]
    pub fn when(mut self, when: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.when = Arc::new(when);
        self
    }

    /// The wait after this many failed attempts, before it is shortened at random.
    fn wait(&self, failed: u32) -> Duration {
        doubling(self.delay, self.max_delay, failed)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("attempts", &self.attempts)
            .field("delay", &self.delay)
            .field("max_delay", &self.max_delay)
            .finish_non_exhaustive()
    }
}

/// A handler that is run again when it fails; made by [`retry`].
#[derive(Debug)]
pub struct Retry<H> {
    policy: Policy,
    inner: Arc<H>,
}

/// Runs `handler` again when it returns an error, as `policy` says. Between two attempts the analyst sees the error as an
/// interim status, the worker is free for other incidents, and later actions of the same incident wait, so that order is
/// kept.
///
/// Only for handlers that may run twice: what a failed attempt did stays done. REST calls are retried by the client already
/// where that is safe.
///
/// * Acknowledgement: after the reply of the last attempt; until then the message is un-acknowledged.
/// * Disconnect: the attempts go on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: a wait between attempts ends at once, and the message goes back to the broker unanswered.
/// * Redelivery after a crash: the attempts start again from the first.
/// * Error: that of the last attempt. A panic is final.
pub fn retry<H>(policy: Policy, handler: H) -> Retry<H> {
    Retry { policy, inner: Arc::new(handler) }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for Retry<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let (policy, inner) = (self.policy.clone(), Arc::clone(&self.inner));
        Box::pin(async move {
            let mut failed = 0;
            loop {
                let error = match inner.call(Arc::clone(&state), action.clone()).await {
                    Ok(reply) => return Ok(reply),
                    Err(error) => error,
                };
                failed += 1;
                if !(policy.when)(&error) {
                    return Err(error);
                }
                if failed >= policy.attempts {
                    return Err(error.context(format_args!("Gave up after {failed} attempts")));
                }
                let wait = policy.wait(failed).mul_f64(1.0 - fastrand::f64() / 2.0);
                warn!(error = ?error, failed, wait_ms = wait.as_millis() as u64, "The handler failed and will be run again");
                action.status(format!(
                    "Attempt {failed} of {} failed, the next is in {:.1} s: {error}",
                    policy.attempts,
                    wait.as_secs_f64()
                ));
                action.seat().wait_in_lane(tokio::time::sleep(wait)).await;
            }
        })
    }

    fn seating(&self) -> Seating {
        Seating::WaitsInLane.max(self.inner.seating())
    }

    fn combinators(&self) -> Vec<String> {
        super::around(&*self.inner, format!("retry {} attempts", self.policy.attempts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::trial::{Log, Trial, ms};

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = Policy::attempts(9).delay(ms(100)).max_delay(ms(1000));
        let waits: Vec<_> = (1..=6).map(|failed| policy.wait(failed).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(Policy::attempts(9).wait(u32::MAX), Duration::from_secs(60));
    }

    /// The length of a wait is random; these tests look at the rest of each line.
    async fn without_times(trial: &Trial) -> Vec<String> {
        let text = |line: String| {
            let line = line.split_once(' ').unwrap().1.to_owned();
            line.split_once(", the next is in").map_or(line.clone(), |(start, _)| start.to_owned())
        };
        trial.end().await.into_iter().map(text).collect()
    }

    #[tokio::test]
    async fn runs_again_until_it_works_in_order_with_the_worker_free() {
        let trial = Trial::new(1, retry(Policy::attempts(3).delay(ms(100)), Log::work)).await;
        *trial.log.failures.lock().unwrap() = 1;
        trial.arrives("a", 1);
        trial.arrives("b", 1);
        trial.arrives("other", 2);
        assert_eq!(
            without_times(&trial).await,
            [
                "a runs",
                "a status Attempt 1 of 3 failed",
                "other runs",
                "other = worked",
                "a runs",
                "a = worked",
                "b runs",
                "b = worked"
            ]
        );
    }

    #[tokio::test]
    async fn gives_up_after_the_last_attempt_and_says_so() {
        let trial = Trial::new(1, retry(Policy::attempts(2).delay(ms(100)), Log::work)).await;
        *trial.log.failures.lock().unwrap() = 2;
        trial.arrives("a", 1);
        assert_eq!(
            without_times(&trial).await,
            ["a runs", "a status Attempt 1 of 2 failed", "a runs", "a ! Gave up after 2 attempts: no luck"]
        );
    }

    #[tokio::test]
    async fn an_error_that_is_final_is_not_tried_again() {
        let policy = Policy::attempts(5).when(|error| !error.to_string().contains("no luck"));
        let trial = Trial::new(1, retry(policy, Log::work)).await;
        *trial.log.failures.lock().unwrap() = 1;
        trial.arrives("a", 1);
        assert_eq!(without_times(&trial).await, ["a runs", "a ! no luck"]);
    }

    #[tokio::test]
    async fn a_wait_between_attempts_ends_when_the_runner_stops() {
        let trial = Trial::new(1, retry(Policy::attempts(2).delay(ms(1000)), Log::work)).await;
        *trial.log.failures.lock().unwrap() = 1;
        trial.arrives("a", 1);
        trial.pass(100).await;
        trial.stop();
        let all = without_times(&trial).await;
        assert_eq!(all, ["a runs", "a status Attempt 1 of 2 failed", "a stays with the broker"]);
    }
}
