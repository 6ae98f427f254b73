//! When a call may be repeated and how long to wait before that: pure functions of what happened, tested as tables.

use std::time::{Duration, SystemTime};

use crate::backoff;

/// How often and how fast a failed call is repeated.
///
/// Only calls that cannot do something twice are repeated: GET, PUT and DELETE when the connection failed or was lost, on
/// 429 and on 502, 503 and 504; POST and PATCH only when the connection failed before anything was sent. Every other status
/// is final at once, and so is a call whose time ran out.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all, the first one included (`request_max_retries`). Default 5; 0 counts as 1.
    pub max_tries: u32,
    /// Wait before the second try (`request_retry_delay`). Default 2 s.
    pub delay: Duration,
    /// Each further wait is this many times longer (`request_retry_backoff`). Default 2; 0 counts as 1.
    pub backoff: u32,
    /// No wait is longer than this. A `Retry-After` beyond it ends the call instead of holding a worker. Default 60 s.
    pub ceiling: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_tries: 5, delay: Duration::from_secs(2), backoff: 2, ceiling: Duration::from_secs(60) }
    }
}

impl RetryPolicy {
    /// The wait after `failed` failed tries (1 or more), before jitter.
    pub(crate) fn pause(&self, failed: u32) -> Duration {
        backoff::grown(self.delay, self.backoff, self.ceiling, failed)
    }

    /// After `failed` failed tries of a call: the wait before the next try, or `None` if there is no further one.
    /// `spread` is a random number from 0 to 1 that keeps many clients from coming back in step.
    pub(crate) fn next(
        &self,
        failed: u32,
        repeat: Repeat,
        failure: &Failure,
        spread: f64,
    ) -> Option<Duration> {
        if failed >= self.max_tries.max(1) || !repeat.allows(failure) {
            return None;
        }
        self.wait(failed, failure, spread)
    }

    /// The wait before the next login after `failed` failed ones; `None` when the platform asks for more than the ceiling.
    pub(crate) fn wait(&self, failed: u32, failure: &Failure, spread: f64) -> Option<Duration> {
        match failure {
            Failure::Status { after: Some(after), .. } if *after > self.ceiling => None,
            Failure::Status { after: Some(after), .. } => Some(*after),
            _ => Some(self.pause(failed).mul_f64(0.75 + spread.clamp(0.0, 1.0) / 2.0)),
        }
    }
}

/// Which failures of a call leave no doubt that repeating it is harmless.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Repeat {
    /// Doing it twice is the same as doing it once.
    Idempotent,
    /// It may be sent again only if it certainly did not arrive.
    Unsent,
    /// A PUT whose caller checks lost answers itself: it may also be sent again after 429, which is a certain refusal.
    Refused,
}

impl Repeat {
    fn allows(self, failure: &Failure) -> bool {
        match failure {
            Failure::Permanent | Failure::TimedOut => false,
            Failure::NotSent => true,
            Failure::Lost => self == Repeat::Idempotent,
            Failure::Status { status: 429, .. } => self != Repeat::Unsent,
            Failure::Status { status, .. } => self == Repeat::Idempotent && matches!(status, 502..=504),
        }
    }
}

/// What went wrong with one try, as far as repeating is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    /// Nothing of the request can have arrived.
    NotSent,
    /// The connection ended after the request may have arrived.
    Lost,
    /// The time for the call is used up.
    TimedOut,
    /// An answer that is not a success, with its `Retry-After`.
    Status { status: u16, after: Option<Duration> },
    /// Repeating cannot help: a certificate, a path, a body.
    Permanent,
}

impl Failure {
    /// Whether it suggests that the platform is down, rather than a fault of this call.
    pub(crate) fn means_down(&self) -> bool {
        match self {
            Failure::NotSent | Failure::Lost | Failure::TimedOut => true,
            Failure::Status { status, .. } => matches!(status, 502..=504),
            Failure::Permanent => false,
        }
    }
}

/// Reads `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3). A date in the past means no wait.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Failure {
        Failure::Status { status, after: None }
    }

    #[test]
    fn waits_grow_as_the_peer_documents_and_stop_at_the_ceiling() {
        let policy = RetryPolicy::default();
        let waits: Vec<u64> = (1..=7).map(|failed| policy.pause(failed).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(policy.pause(u32::MAX), policy.ceiling);
        let flat = RetryPolicy { backoff: 0, ..policy };
        assert_eq!(flat.pause(4), Duration::from_secs(2));
    }

    #[test]
    fn only_harmless_failures_are_repeated() {
        use Repeat::{Idempotent, Refused, Unsent};
        let table = [
            // failure, idempotent, POST, the PUT of an update
            (Failure::NotSent, true, true, true),
            (Failure::Lost, true, false, false),
            (Failure::TimedOut, false, false, false),
            (Failure::Permanent, false, false, false),
            (status(429), true, false, true),
            (status(502), true, false, false),
            (status(503), true, false, false),
            (status(504), true, false, false),
            (status(500), false, false, false),
            (status(501), false, false, false),
            (status(400), false, false, false),
            (status(403), false, false, false),
            (status(404), false, false, false),
            (status(409), false, false, false),
            (status(302), false, false, false),
        ];
        let policy = RetryPolicy::default();
        for (failure, idempotent, post, put) in table {
            for (repeat, expected) in [(Idempotent, idempotent), (Unsent, post), (Refused, put)] {
                assert_eq!(
                    policy.next(1, repeat, &failure, 0.5).is_some(),
                    expected,
                    "{failure:?} {repeat:?}"
                );
            }
        }
    }

    #[test]
    fn tries_are_counted_with_the_first_one() {
        let policy = RetryPolicy { max_tries: 3, ..RetryPolicy::default() };
        let waits: Vec<_> =
            (1..=3).map(|n| policy.next(n, Repeat::Idempotent, &Failure::NotSent, 0.5)).collect();
        assert_eq!(waits, [Some(Duration::from_secs(2)), Some(Duration::from_secs(4)), None]);
        let none = RetryPolicy { max_tries: 0, ..RetryPolicy::default() };
        assert_eq!(none.next(1, Repeat::Idempotent, &Failure::NotSent, 0.5), None);
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        let policy = RetryPolicy::default();
        let wait = |spread| policy.next(1, Repeat::Idempotent, &Failure::Lost, spread).unwrap();
        assert_eq!(wait(0.0), Duration::from_millis(1500));
        assert_eq!(wait(1.0), Duration::from_millis(2500));
    }

    #[test]
    fn retry_after_is_obeyed_up_to_the_ceiling() {
        let policy = RetryPolicy::default();
        let wait = |seconds| {
            let failure = Failure::Status { status: 429, after: Some(Duration::from_secs(seconds)) };
            policy.next(1, Repeat::Idempotent, &failure, 0.5)
        };
        assert_eq!(wait(7), Some(Duration::from_secs(7)));
        assert_eq!(wait(60), Some(Duration::from_secs(60)));
        assert_eq!(wait(61), None);
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let table = [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Wed, 21 Oct 2015 07:29:30 GMT", Some(90)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ];
        for (text, seconds) in table {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
