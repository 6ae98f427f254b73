//! How waits grow: one pure function for repeated calls, probes, refused logins and conflicts.

use std::time::Duration;

/// The `n`th wait (from 1): `first`, then each `factor` times the one before, none longer than `longest`.
pub(crate) fn grown(first: Duration, factor: u32, longest: Duration, n: u32) -> Duration {
    let times = factor.max(1).saturating_pow(n.saturating_sub(1));
    first.saturating_mul(times).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_the_first_to_the_longest() {
        let of = |factor, n| grown(Duration::from_secs(2), factor, Duration::from_secs(60), n).as_secs();
        let table = [
            (2, vec![2, 2, 4, 8, 16, 32, 60, 60]),
            (3, vec![2, 2, 6, 18, 54, 60, 60, 60]),
            (1, vec![2; 8]),
            (0, vec![2; 8]),
        ];
        for (factor, expected) in table {
            assert_eq!((0..8).map(|n| of(factor, n)).collect::<Vec<_>>(), expected, "factor {factor}");
        }
        assert_eq!(of(2, u32::MAX), 60);
    }
}
