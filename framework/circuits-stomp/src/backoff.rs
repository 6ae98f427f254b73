//! How long to wait before the next try: pure functions, so that they can be read as tables.

use std::time::Duration;

/// No two tries are further apart than this.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);
/// The first try after a loss comes within this time, and so does each further try of a port that nobody listens on.
const FIRST: Duration = Duration::from_secs(1);

/// The wait after `failures` failures in a row (from 1): doubles from one second to thirty, times 0.5 to 1.0 by `jitter`
/// (0.0 to 1.0) so that many clients of one broker do not return in step.
pub(crate) fn delay(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(5);
    let ceiling = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    ceiling.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// How a try with a host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nobody answered: asking again costs nothing, and a broker that comes back there has not seen us fail.
    Unanswered,
    /// Somebody answered, but the try failed: in TLS, at CONNECT, or because the connection broke soon after.
    Answered,
    /// The connection broke after it had worked for a while.
    AfterSuccess,
}

/// The number of failures in a row from now on, given `failures` before, and the wait that follows.
pub(crate) fn pause(failures: u32, ended: Ended, jitter: f64) -> (u32, Duration) {
    let failures = match ended {
        Ended::Unanswered => 0,
        Ended::Answered => failures.saturating_add(1),
        Ended::AfterSuccess => 1,
    };
    (failures, delay(failures, jitter))
}

#[cfg(test)]
mod tests {
    use super::Ended::{AfterSuccess, Answered, Unanswered};
    use super::*;

    #[test]
    fn the_table() {
        let most: Vec<u64> = (0..9).map(|n| delay(n, 1.0).as_millis() as u64).collect();
        assert_eq!(most, [1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        let least: Vec<u64> = (1..8).map(|n| delay(n, 0.0).as_millis() as u64).collect();
        assert_eq!(least, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert_eq!(delay(u32::MAX, 7.0), LONGEST);
    }

    #[test]
    fn pauses_grow_only_where_somebody_answered() {
        let table: [(&[Ended], u64); 9] = [
            (&[Unanswered], 1),
            (&[Unanswered; 1000], 1),
            (&[AfterSuccess], 1),
            (&[AfterSuccess, Unanswered, Unanswered], 1),
            (&[Answered], 1),
            (&[Answered; 4], 8),
            (&[AfterSuccess, Answered], 2),
            // A broker that closed its port and opened it again has started anew.
            (&[Answered, Answered, Answered, Answered, Unanswered, Answered], 1),
            (&[Answered, Answered, AfterSuccess], 1),
        ];
        for (tries, most) in table {
            let wait = |jitter| {
                tries
                    .iter()
                    .fold((0, Duration::ZERO), |(failures, _), ended| pause(failures, *ended, jitter))
                    .1
            };
            assert_eq!(wait(1.0), Duration::from_secs(most), "{tries:?}");
            assert_eq!(wait(0.0), Duration::from_secs(most) / 2, "{tries:?}");
        }
    }
}
