//! How long to wait after a number of failures.

use std::time::Duration;

/// The wait after `failed` failures in a row: `first` after one, twice as long after each further one, `longest` at most.
pub(crate) fn doubling(first: Duration, longest: Duration, failed: u32) -> Duration {
    first.saturating_mul(1 << failed.saturating_sub(1).min(31)).min(longest)
}

/// The wait after `failed` failures in a row of a broker or a journal. A full one needs time.
pub(crate) fn pause(failed: u32) -> Duration {
    doubling(Duration::from_secs(1), Duration::from_secs(30), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<_> = (0..=6).map(|failed| doubling(first, longest, failed).as_millis()).collect();
        assert_eq!(waits, [100, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(pause(u32::MAX), Duration::from_secs(30));
    }
}
