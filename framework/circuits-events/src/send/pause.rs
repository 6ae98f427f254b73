//! How long a delivery waits after failures: a pure function, tested as a table.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// The part of a pause by which it may be shorter or longer, so that deliveries that failed together do not
/// return together.
const SPREAD: f64 = 0.2;

/// The wait before the next try after so many failures (1 or more): 5 s, then twice the one before, 30 min at
/// most, each 20 % shorter or longer as `jitter` says, a random number from 0 to 1.
pub fn pause(failures: u32, jitter: f64) -> Duration {
    let times = 2_u32.saturating_pow(failures.saturating_sub(1));
    // The longest pause is spread too: it is the one at which deliveries would meet.
    FIRST.saturating_mul(times).min(LONGEST).mul_f64(1.0 + SPREAD * (2.0 * jitter.clamp(0.0, 1.0) - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_five_seconds_to_half_an_hour() {
        let seconds: Vec<_> = (0..12).map(|failures| pause(failures, 0.5).as_secs()).collect();
        assert_eq!(seconds, [5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]);
        assert_eq!(pause(u32::MAX, 0.5), LONGEST);
    }

    #[test]
    fn jitter_makes_a_pause_a_fifth_shorter_or_longer() {
        let table = [
            // failures, jitter, milliseconds
            (1, 0.0, 4_000),
            (1, 0.25, 4_500),
            (1, 1.0, 6_000),
            (2, 0.0, 8_000),
            (2, 1.0, 12_000),
            (99, 0.0, 1_440_000),
            (99, 1.0, 2_160_000),
            // Not random numbers from 0 to 1.
            (1, -7.0, 4_000),
            (1, 7.0, 6_000),
        ];
        for (failures, jitter, milliseconds) in table {
            assert_eq!(pause(failures, jitter).as_millis(), milliseconds, "{failures} {jitter}");
        }
    }
}
