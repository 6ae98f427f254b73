//! A circuit breaker for a platform that is down: after a few failures in a row, calls wait instead of being sent, one of
//! them probes now and then, and when it gets through, all go on.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{Error, RetryPolicy, error::Kind};

/// How many failures in a row, of any calls, make a platform count as down. Fewer than the tries of one call, so that the
/// last tries of the first caller are the first probes.
const THRESHOLD: u32 = 3;

/// The least time between two probes, whatever the policy says: a platform that is starting must not be hammered.
const PROBE_PAUSE: Duration = Duration::from_millis(200);

/// The decision: pure functions of the state and the time.
#[derive(Debug, Default)]
struct Circuit {
    /// Failures since the last answer, while it is up.
    failures: u32,
    /// Probes that failed since it went down.
    probes: u32,
    /// How often it came back: a try that began before the last return says nothing about the time since.
    recoveries: u64,
    /// When it last went down; `None` while it is up.
    down_since: Option<Instant>,
    /// When the next probe may go.
    probe_at: Option<Instant>,
    /// Whether a probe is under way.
    probing: bool,
}

#[derive(Debug, PartialEq)]
enum Turn {
    Go,
    Probe,
    /// Ask again at this time, or when something changes.
    Wait(Option<Instant>),
}

impl Circuit {
    fn ask(&mut self, now: Instant) -> Turn {
        if self.down_since.is_none() {
            Turn::Go
        } else if self.probing {
            Turn::Wait(None)
        } else if self.probe_at.is_none_or(|at| at <= now) {
            self.probing = true;
            Turn::Probe
        } else {
            Turn::Wait(self.probe_at)
        }
    }

    /// Notes an answer; returns whether the platform was down.
    fn answered(&mut self) -> bool {
        let down = self.down_since.is_some();
        *self = Self { recoveries: self.recoveries + u64::from(down), ..Self::default() };
        down
    }

    /// Notes a failure; returns whether the platform is down from now on and was not before. Only a probe lengthens an
    /// outage: calls that were in flight when it began fail with it, and a hundred of them prove no more than one.
    fn failed(&mut self, probe: bool, since: u64, now: Instant, policy: &RetryPolicy) -> bool {
        if since != self.recoveries || (self.down_since.is_some() && !probe) {
            return false;
        }
        let first = self.down_since.is_none();
        if first {
            self.failures += 1;
            if self.failures < THRESHOLD {
                return false;
            }
            self.down_since = Some(now);
        } else {
            self.probes = self.probes.saturating_add(1);
        }
        self.probe_at = Some(now + policy.pause(self.probes.saturating_add(1)).max(PROBE_PAUSE));
        first
    }
}

/// The breaker that all calls of a client pass.
pub(crate) struct Breaker {
    circuit: Mutex<Circuit>,
    changed: Notify,
    policy: RetryPolicy,
    patience: Duration,
}

impl Breaker {
    pub(crate) fn new(policy: RetryPolicy, patience: Duration) -> Self {
        Self { circuit: Mutex::default(), changed: Notify::new(), policy, patience }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the platform is down, as long as patience and `deadline` allow.
    pub(crate) async fn pass(&self, deadline: Option<Instant>) -> Result<Permit<'_>, Error> {
        let patience = Instant::now() + self.patience;
        let until = deadline.map_or(patience, |deadline| deadline.min(patience));
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before we look at the state: a change between the look and the wait must wake us.
            changed.as_mut().enable();
            let now = Instant::now();
            let (turn, since) = {
                let mut circuit = self.circuit();
                (circuit.ask(now), circuit.recoveries)
            };
            let next = match turn {
                Turn::Go => return Ok(Permit { breaker: self, probe: false, since }),
                Turn::Probe => return Ok(Permit { breaker: self, probe: true, since }),
                Turn::Wait(next) => next,
            };
            if now >= until {
                return Err(self.down(now));
            }
            let _ = timeout_at(next.map_or(until, |next| next.min(until)), changed).await;
        }
    }

    /// Whether the platform counts as down.
    pub(crate) fn is_down(&self) -> bool {
        self.circuit().down_since.is_some()
    }

    /// Waits until the platform has answered, or the next probe is due.
    pub(crate) async fn ready(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let next = {
                let circuit = self.circuit();
                let due = circuit.probe_at.is_none_or(|at| at <= Instant::now());
                if circuit.down_since.is_none() || (due && !circuit.probing) {
                    return;
                }
                circuit.probe_at.filter(|_| !circuit.probing)
            };
            match next {
                Some(next) => drop(timeout_at(next, changed).await),
                None => changed.await,
            }
        }
    }

    fn down(&self, now: Instant) -> Error {
        let since = self.circuit().down_since.map_or(0, |since| (now - since).as_secs());
        Error::new(Kind::Connect, format!("the platform has not answered for {since} s, so nothing was sent"))
            .hint("calls are sent again as soon as a probe gets through")
    }
}

/// Permission to send one try. Report how the try went; a permit dropped without a report passes its turn to the next caller.
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
    /// The circuit's recoveries when this permit was given.
    since: u64,
}

impl Permit<'_> {
    /// The platform answered, whatever it said.
    pub(crate) fn answered(self) {
        if self.breaker.circuit().answered() {
            tracing::info!("The platform answers again.");
        }
    }

    /// The platform did not answer.
    pub(crate) fn failed(self) {
        let breaker = self.breaker;
        if breaker.circuit().failed(self.probe, self.since, Instant::now(), &breaker.policy) {
            tracing::warn!("The platform does not answer; calls wait until it does.");
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe {
            let mut circuit = self.breaker.circuit();
            // The probe of an earlier outage leaves that of a later one alone.
            if circuit.recoveries == self.since {
                circuit.probing = false;
            }
        }
        self.breaker.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new(RetryPolicy::default(), Duration::from_secs(300)))
    }

    async fn bring_down(breaker: &Breaker) {
        for _ in 0..THRESHOLD {
            breaker.pass(None).await.unwrap().failed();
        }
        assert!(breaker.is_down());
    }

    #[tokio::test(start_paused = true)]
    async fn single_failures_change_nothing() {
        let breaker = breaker();
        for _ in 0..10 {
            breaker.pass(None).await.unwrap().failed();
            breaker.pass(None).await.unwrap().failed();
            breaker.pass(None).await.unwrap().answered();
        }
        assert!(!breaker.is_down());
    }

    #[tokio::test(start_paused = true)]
    async fn probes_go_one_at_a_time_and_ever_more_rarely() {
        let (breaker, begun) = (breaker(), Instant::now());
        bring_down(&breaker).await;
        let mut at = Vec::new();
        for _ in 0..6 {
            breaker.pass(None).await.unwrap().failed();
            at.push(begun.elapsed().as_secs());
        }
        assert_eq!(at, [2, 6, 14, 30, 62, 122]);
        let probe = breaker.pass(None).await.unwrap();
        let second = breaker.clone();
        let second = tokio::spawn(async move { second.pass(None).await.map(|permit| permit.probe) });
        tokio::task::yield_now().await;
        assert!(!second.is_finished(), "there is a probe already");
        probe.answered();
        assert!(!second.await.unwrap().unwrap(), "the platform is back, so the second is no probe");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_in_flight_that_meet_one_blip_count_as_one() {
        let breaker = breaker();
        let mut in_flight = Vec::new();
        for _ in 0..50 {
            in_flight.push(breaker.pass(None).await.unwrap());
        }
        let stragglers = in_flight.split_off(45);
        let begun = Instant::now();
        in_flight.into_iter().for_each(Permit::failed);
        let probe = breaker.pass(None).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 2, "as long as after the failures of a single call");
        probe.answered();
        stragglers.into_iter().for_each(Permit::failed);
        assert!(!breaker.is_down(), "tries from before the answer say nothing about the platform now");
        bring_down(&breaker).await;
        let begun = Instant::now();
        breaker.pass(None).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 2, "a new outage begins with the first pause");
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_calls_wait_and_all_go_on() {
        let breaker = breaker();
        bring_down(&breaker).await;
        let calls: Vec<_> = (0..1000)
            .map(|_| {
                let breaker = breaker.clone();
                tokio::spawn(async move {
                    let permit = breaker.pass(None).await.unwrap();
                    let probe = permit.probe;
                    permit.answered();
                    probe
                })
            })
            .collect();
        let mut probes = 0;
        for call in calls {
            probes += u32::from(call.await.unwrap());
        }
        assert_eq!(probes, 1);
        assert!(!breaker.is_down());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_passes_its_turn_on() {
        let breaker = breaker();
        bring_down(&breaker).await;
        drop(breaker.pass(None).await.unwrap());
        assert!(breaker.pass(None).await.unwrap().probe);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_and_deadline_end_the_wait() {
        let (breaker, begun) = (breaker(), Instant::now());
        bring_down(&breaker).await;
        let _probe = breaker.pass(None).await.unwrap();
        let begun_waiting = Instant::now();
        let error = breaker.pass(Some(begun + Duration::from_secs(10))).await.err().unwrap();
        assert!(error.is_connection() && error.to_string().contains("has not answered for 10 s"), "{error}");
        assert_eq!(begun.elapsed().as_secs(), 10);
        breaker.pass(None).await.err().unwrap();
        assert_eq!(begun_waiting.elapsed().as_secs(), 8 + 300);
    }

    #[tokio::test(start_paused = true)]
    async fn ready_waits_for_the_next_probe_or_the_first_answer() {
        let (breaker, begun) = (breaker(), Instant::now());
        breaker.ready().await;
        bring_down(&breaker).await;
        breaker.ready().await;
        assert_eq!(begun.elapsed().as_secs(), 2, "somebody has to probe");
        let probe = breaker.pass(None).await.unwrap();
        let waiting = breaker.clone();
        let waiting = tokio::spawn(async move { waiting.ready().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        probe.answered();
        waiting.await.unwrap();
    }
}
