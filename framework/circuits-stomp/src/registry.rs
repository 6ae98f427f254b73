//! The subscriptions of a session: what has to be set up on each connection, who waits for it, and when a refused one is
//! tried again.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::backoff;
use crate::delivery::Subscription;
use crate::error::Error;

type Waiter = oneshot::Sender<Result<(), Error>>;

#[derive(Default)]
pub(crate) struct Registry {
    entries: Vec<Entry>,
}

struct Entry {
    subscription: Subscription,
    /// Confirmed on the present connection.
    up: bool,
    /// Confirmed on any connection: from then on a refusal is retried, as a restarting broker may refuse for a while.
    ever: bool,
    waiters: Vec<Waiter>,
    /// Refusals in a row since it was last confirmed.
    refusals: u32,
    retry_at: Option<Instant>,
}

/// What became of a refused subscription.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It never worked: the callers that asked for it have got the error, and it is forgotten.
    Forgotten,
    /// It worked before: it is tried again from this time on.
    Retry(Instant),
}

impl Registry {
    /// Registers for good. True when a SUBSCRIBE has to be sent for it now.
    pub(crate) fn add(&mut self, subscription: Subscription, waiter: Waiter) -> bool {
        if let Some(entry) = self.find(&subscription.destination) {
            if entry.up {
                let _ = waiter.send(Ok(()));
            } else {
                entry.waiters.push(waiter);
            }
            return false;
        }
        let waiters = vec![waiter];
        let entry = Entry { subscription, up: false, ever: false, waiters, refusals: 0, retry_at: None };
        self.entries.push(entry);
        true
    }

    /// True when it was registered.
    pub(crate) fn remove(&mut self, destination: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.subscription.destination != destination);
        self.entries.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// A new connection has nothing set up: returns what to subscribe to on it at once. What was refused last time waits a
    /// while longer; otherwise, with a broker that closes the connection on a refusal, it would take the others down again.
    pub(crate) fn restart(&mut self, now: Instant, jitter: f64) -> Vec<Subscription> {
        for entry in &mut self.entries {
            entry.up = false;
            entry.retry_at = (entry.refusals > 0).then(|| now + backoff::delay(entry.refusals, jitter));
        }
        let sound = self.entries.iter().filter(|entry| entry.refusals == 0);
        sound.map(|entry| entry.subscription.clone()).collect()
    }

    /// When the next refused subscription is due.
    pub(crate) fn next_retry(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.retry_at).min()
    }

    /// The refused subscriptions that are due to be tried again.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Subscription> {
        let due = self.entries.iter_mut().filter(|entry| entry.retry_at.is_some_and(|at| at <= now));
        due.map(|entry| {
            entry.retry_at = None;
            entry.subscription.clone()
        })
        .collect()
    }

    pub(crate) fn confirm(&mut self, destination: &str) {
        let Some(entry) = self.find(destination) else { return };
        (entry.up, entry.ever, entry.refusals, entry.retry_at) = (true, true, 0, None);
        for waiter in entry.waiters.drain(..) {
            let _ = waiter.send(Ok(()));
        }
    }

    /// `None` when it is not registered any more.
    pub(crate) fn refuse(
        &mut self,
        destination: &str,
        error: &Error,
        now: Instant,
        jitter: f64,
    ) -> Option<Refusal> {
        let entry = self.find(destination)?;
        for waiter in entry.waiters.drain(..) {
            let _ = waiter.send(Err(error.clone()));
        }
        if !entry.ever {
            self.remove(destination);
            return Some(Refusal::Forgotten);
        }
        entry.up = false;
        entry.refusals += 1;
        let at = now + backoff::delay(entry.refusals, jitter);
        entry.retry_at = Some(at);
        Some(Refusal::Retry(at))
    }

    /// How many are confirmed on the present connection.
    pub(crate) fn count_up(&self) -> usize {
        self.entries.iter().filter(|entry| entry.up).count()
    }

    fn find(&mut self, destination: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.subscription.destination == destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn subscription() -> Subscription {
        Subscription { destination: "q".into(), prefetch: 1 }
    }

    fn refused() -> Error {
        Error::new(Kind::Unauthorised, "no")
    }

    #[test]
    fn refused_at_first_is_told_and_forgotten() {
        let (mut registry, (waiter, mut answer)) = (Registry::default(), oneshot::channel());
        assert!(registry.add(subscription(), waiter));
        let outcome = registry.refuse("q", &refused(), Instant::now(), 0.0);
        assert_eq!(outcome, Some(Refusal::Forgotten));
        assert!(answer.try_recv().unwrap().unwrap_err().is_unauthorised());
        assert!(registry.restart(Instant::now(), 0.0).is_empty());
    }

    #[test]
    fn refused_later_is_tried_again_with_backoff() {
        let (mut registry, now) = (Registry::default(), Instant::now());
        registry.add(subscription(), oneshot::channel().0);
        registry.confirm("q");
        let mut waits = Vec::new();
        for _ in 0..7 {
            let Some(Refusal::Retry(at)) = registry.refuse("q", &refused(), now, 1.0) else {
                panic!("forgotten")
            };
            waits.push((at - now).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        let late = now + backoff::LONGEST * 2;
        assert!(registry.restart(late, 0.0).is_empty(), "a new connection must not hurry it");
        assert!(registry.take_due(late).is_empty());
        let at = registry.next_retry().unwrap();
        assert_eq!(registry.take_due(at), [subscription()]);
        assert_eq!(registry.next_retry(), None);
        registry.confirm("q");
        assert_eq!(registry.count_up(), 1);
        assert_eq!(registry.restart(now, 0.0), [subscription()]);
        assert_eq!(registry.count_up(), 0);
    }

    #[test]
    fn asking_twice_subscribes_once() {
        let mut registry = Registry::default();
        let ((first, mut one), (second, mut two), (third, mut three)) =
            (oneshot::channel(), oneshot::channel(), oneshot::channel());
        assert!(registry.add(subscription(), first));
        assert!(!registry.add(subscription(), second));
        registry.confirm("q");
        assert!(!registry.add(subscription(), third));
        assert!([&mut one, &mut two, &mut three].iter_mut().all(|answer| answer.try_recv().unwrap().is_ok()));
    }
}
