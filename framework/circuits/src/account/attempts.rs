//! Wrong attempts to log in, counted for each address, so that nobody can try passwords for long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Wrong attempts from one address within [`WINDOW`] after which none is looked at until it is over.
const MOST: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// How many addresses are remembered.
const ADDRESSES: usize = 10_000;

/// What is known of the wrong attempts of the last minute.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl Attempts {
    /// The seconds until an attempt from this address is looked at; `None` if it is now.
    pub(super) fn later(&self, from: IpAddr) -> Option<u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = all.get(&network(from))?;
        let left = WINDOW.checked_sub(since.elapsed()).filter(|_| *count >= MOST)?;
        Some(left.as_secs() + 1)
    }

    /// Counts a wrong attempt.
    pub(super) fn failed(&self, from: IpAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES {
            all.retain(|_, (_, since)| since.elapsed() < WINDOW);
        }
        if all.len() >= ADDRESSES
            && let Some(oldest) = all.iter().min_by_key(|(_, (_, since))| *since).map(|(from, _)| *from)
        {
            all.remove(&oldest);
        }
        let (count, since) = all.entry(network(from)).or_insert_with(|| (0, Instant::now()));
        if since.elapsed() >= WINDOW {
            (*count, *since) = (0, Instant::now());
        }
        *count = count.saturating_add(1);
    }
}

/// Whoever has one address of IPv6 usually has all that share its first 64 bits.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(from) => {
            let [a, b, c, d, ..] = from.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        from => from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_wrong_attempts_a_minute_are_looked_at() {
        let attempts = Attempts::default();
        let (bad, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..MOST {
            assert_eq!(attempts.later(bad), None);
            attempts.failed(bad);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!((attempts.later(bad), attempts.later(other)), (Some(51), None));
        tokio::time::advance(Duration::from_secs(51)).await;
        assert_eq!(attempts.later(bad), None);
        attempts.failed(bad);
        assert_eq!(attempts.later(bad), None, "a new minute");
    }

    #[tokio::test(start_paused = true)]
    async fn neighbours_in_a_network_of_ipv6_count_together_and_memory_is_bounded() {
        let attempts = Attempts::default();
        for host in 0..MOST {
            attempts.failed(format!("2001:db8::{host:x}").parse().unwrap());
        }
        assert!(attempts.later("2001:db8::ffff".parse().unwrap()).is_some());
        assert!(attempts.later("2001:db8:0:1::1".parse().unwrap()).is_none());
        for number in 0..2 * ADDRESSES as u32 {
            attempts.failed(IpAddr::from(number.to_be_bytes()));
        }
        assert!(attempts.0.lock().unwrap().len() <= ADDRESSES);
    }
}
