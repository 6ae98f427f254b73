//! The pause after a refused login: the platform bans accounts and addresses that keep trying.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, backoff, error::Kind};

/// Whether another login may be tried.
#[derive(Default)]
pub(crate) struct Gate {
    /// Until when no login may be tried, and the error that every caller gets meanwhile.
    closed: Option<(Instant, Error)>,
    /// Refusals since a session last proved good.
    refusals: u32,
    /// The newest session that was refused although fresh.
    distrusted: u64,
}

/// Many account policies allow five refusals: with this pause, the fifth login comes more than seven minutes after the
/// first.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// A platform that cannot be reached bans nobody; this only keeps queued requests from trying one after another.
const UNREACHABLE_PAUSE: Duration = Duration::from_secs(2);

impl Gate {
    pub(crate) fn check(&self, now: Instant) -> Result<(), Error> {
        match &self.closed {
            Some((until, error)) if *until > now => {
                let wait = (*until - now).as_secs() + 1;
                Err(error.clone().hint(format!(
                    "no new login is tried for {wait} s, because repeated refused logins get accounts locked"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Stops logins for a while and returns for how long.
    pub(crate) fn close(&mut self, now: Instant, error: &Error) -> Duration {
        let pause = if error.is_credentials() || error.is_session() {
            self.refusals = self.refusals.saturating_add(1);
            backoff::grown(FIRST_PAUSE, 2, LONGEST_PAUSE, self.refusals)
        } else {
            UNREACHABLE_PAUSE
        };
        self.closed = Some((now + pause, error.clone()));
        pause
    }

    /// Many callers may meet the refusal of the same fresh session; it counts once.
    pub(crate) fn distrust(&mut self, now: Instant, generation: u64) {
        if generation > self.distrusted {
            self.distrusted = generation;
            self.close(now, &Error::new(Kind::Session, "the platform refuses even a new session"));
        }
    }

    pub(crate) fn trust(&mut self, generation: u64) {
        if generation > self.distrusted {
            self.refusals = 0;
            self.closed = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Error {
        Error::new(Kind::Credentials, "no")
    }

    #[test]
    fn pauses_between_refused_logins_double_up_to_a_quarter_of_an_hour() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let pauses: Vec<u64> = (0..7).map(|_| gate.close(now, &refused()).as_secs()).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900]);
    }

    #[test]
    fn a_closed_gate_repeats_the_refusal_until_the_pause_is_over() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert!(gate.check(now).is_ok());
        let pause = gate.close(now, &refused());
        let error = gate.check(now + pause / 2).unwrap_err();
        assert!(
            error.is_credentials() && error.to_string().contains("no new login is tried for 16 s"),
            "{error}"
        );
        assert!(gate.check(now + pause).is_ok());
    }

    #[test]
    fn an_unreachable_platform_costs_a_short_pause_and_counts_no_refusal() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.close(now, &Error::new(Kind::Connect, "down")), UNREACHABLE_PAUSE);
        assert_eq!(gate.close(now, &refused()), FIRST_PAUSE);
    }

    #[test]
    fn a_refused_fresh_session_counts_once_and_a_good_one_forgives() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        for _ in 0..1000 {
            gate.distrust(now, 2);
        }
        assert!(gate.check(now).unwrap_err().is_session());
        assert_eq!(gate.refusals, 1);
        gate.trust(2);
        assert!(gate.check(now).is_err(), "the refused session itself proves nothing");
        gate.trust(3);
        assert!(gate.check(now).is_ok());
    }
}
