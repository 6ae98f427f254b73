//! How long to wait before the next try: a pure function, so that it can be read as a table.

use std::time::Duration;

/// No two tries are further apart than this.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);
/// The first try after a loss comes within this.
const FIRST: Duration = Duration::from_secs(1);

/// The wait after `failures` failures in a row (from 1): doubles from one second to thirty, times 0.5 to 1.0 by `jitter`
/// (0.0 to 1.0) so that many clients of one broker do not return in step.
pub(crate) fn delay(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(5);
    let ceiling = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    ceiling.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let most: Vec<u64> = (0..9).map(|n| delay(n, 1.0).as_millis() as u64).collect();
        assert_eq!(most, [1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        let least: Vec<u64> = (1..8).map(|n| delay(n, 0.0).as_millis() as u64).collect();
        assert_eq!(least, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert_eq!(delay(u32::MAX, 7.0), LONGEST);
    }
}
