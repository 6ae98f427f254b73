//! Which host is tried next, and when: each has its own pause, so that one that refuses us does not keep us from asking another.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{self, Ended};

pub(crate) struct Turns {
    hosts: Vec<Turn>,
    last: usize,
}

struct Turn {
    /// Failures in a row where somebody answered.
    failures: u32,
    due: Instant,
}

impl Turns {
    pub(crate) fn new(hosts: usize, now: Instant) -> Self {
        let hosts: Vec<Turn> = (0..hosts).map(|_| Turn { failures: 0, due: now }).collect();
        Self { last: hosts.len() - 1, hosts }
    }

    /// The host to try next: the one whose pause ends first; of those that are due, the next in turn.
    pub(crate) fn next(&mut self, now: Instant) -> usize {
        let count = self.hosts.len();
        let in_turn = (1..=count).map(|step| (self.last + step) % count);
        // The first of several minima.
        self.last = in_turn.min_by_key(|host| self.hosts[*host].due.max(now)).unwrap_or(0);
        self.last
    }

    /// Notes how the last try ended.
    pub(crate) fn ended(&mut self, ended: Ended, now: Instant, jitter: f64) {
        if ended == Ended::AfterSuccess {
            // Its other clients lost it too, and they must not all turn to the next host at the same moment.
            let due = now + backoff::delay(1, jitter);
            self.hosts.iter_mut().for_each(|turn| turn.due = turn.due.max(due));
        }
        let turn = &mut self.hosts[self.last];
        let (failures, pause) = backoff::pause(turn.failures, ended, jitter);
        *turn = Turn { failures, due: now + pause };
    }

    /// How long until any host is due.
    pub(crate) fn pause(&self, now: Instant) -> Duration {
        let due = self.hosts.iter().map(|turn| turn.due).min();
        due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays tries that take no time; returns which host was tried at which second.
    fn play(hosts: usize, seconds: u64, mut ended: impl FnMut(usize) -> Ended) -> Vec<(u64, usize)> {
        let start = Instant::now();
        let (mut now, mut turns, mut tried) = (start, Turns::new(hosts, start), Vec::new());
        loop {
            now += turns.pause(now);
            if now - start > Duration::from_secs(seconds) {
                return tried;
            }
            let host = turns.next(now);
            tried.push(((now - start).as_secs(), host));
            turns.ended(ended(host), now, 1.0);
        }
    }

    #[test]
    fn ports_that_nobody_listens_on_are_asked_each_second() {
        assert_eq!(play(1, 3, |_| Ended::Unanswered), [(0, 0), (1, 0), (2, 0), (3, 0)]);
        let both = play(2, 2, |_| Ended::Unanswered);
        assert_eq!(both, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]);
    }

    #[test]
    fn a_host_that_refuses_does_not_keep_us_from_the_others() {
        let tried = play(2, 600, |host| if host == 0 { Ended::Answered } else { Ended::Unanswered });
        let at = |wanted| tried.iter().filter(move |(_, host)| *host == wanted).map(|(at, _)| *at);
        assert_eq!(at(0).take(7).collect::<Vec<_>>(), [0, 1, 3, 7, 15, 31, 61]);
        assert!(at(1).eq(0..=600));
    }

    #[test]
    fn after_a_loss_the_next_host_is_tried_within_a_second_and_not_at_once() {
        let mut first = true;
        let tried =
            play(2, 1, |_| if std::mem::take(&mut first) { Ended::AfterSuccess } else { Ended::Unanswered });
        assert_eq!(tried, [(0, 0), (1, 1), (1, 0)]);
    }
}
