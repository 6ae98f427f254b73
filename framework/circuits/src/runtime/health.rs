//! How a runner is doing: whether it makes progress (live), whether it can be given work (ready), and what it is working on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use circuits_stomp::State;

use crate::delivery::pauses::{Paused, Pauses};
use crate::message::DestinationName;
use crate::outbox::Outbox;
use crate::runtime::held::HeldState;
use crate::runtime::shared::Shared;

/// For how long the journal may take nothing before the runner counts as stuck.
const HELD_UP: Duration = Duration::from_secs(60);
/// For how long handlers without a time limit may keep all workers busy while messages wait.
const STUCK: Duration = Duration::from_secs(15 * 60);
/// With a time limit, how much longer than that limit.
const GRACE: Duration = Duration::from_secs(60);

/// Reports on one runner. Cheap to clone; [`Runner::health`](crate::Runner::health) makes one.
#[derive(Clone)]
pub struct Health {
    pub(crate) shared: Arc<Shared>,
    pub(crate) outbox: Option<Arc<dyn Outbox>>,
    pub(crate) pauses: Pauses,
}

/// How a runner is at this moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The name of the org on the platform.
    pub org: String,
    /// When it was started.
    pub started: SystemTime,
    /// The broker that it is connected to.
    pub broker: Option<String>,
    /// The message destinations that it listens on, by their full names.
    pub destinations: Vec<String>,
    /// The destinations that are paused, by their programmatic names.
    pub paused: BTreeMap<String, Paused>,
    /// Handlers at work, the oldest first.
    pub running: Vec<Running>,
    /// Actions that wait in `defer`, `debounce` and the like, or work in the background.
    pub waiting: usize,
    /// Messages that wait for a worker, for the message before them of the same incident, or for their destination to go on.
    pub queued: usize,
    /// Messages that were answered since the start, and how many of them with an error.
    pub handled: u64,
    /// Those that were answered with an error.
    pub failed: u64,
    /// When the last message arrived.
    pub last_message: Option<SystemTime>,
    /// When a message was last answered with an error, and the text of the error.
    pub last_error: Option<(SystemTime, String)>,
    /// What side features count, such as `listener_errors`, `signals_dropped` (lost to listeners that fell behind),
    /// `events_dropped` (for which the journal had no room), `webhooks_delivered` and `webhooks_failed`. Those that count nothing
    /// are not in it.
    pub counters: BTreeMap<&'static str, u64>,
    /// Why it makes no progress; empty while it does.
    pub stuck: Vec<String>,
    /// Why it cannot be given work; empty while it can.
    pub unready: Vec<String>,
}

/// A handler at work.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Running {
    /// The message's id.
    pub message_id: String,
    /// The full name of the destination that it came from, `actions.<org>.<name>`.
    pub destination: String,
    /// The rule, if it is known.
    pub rule: Option<String>,
    /// The incident.
    pub incident: Option<i64>,
    /// When the handler began.
    pub since: SystemTime,
}

impl Report {
    /// It makes progress, or has nothing to do. A broker or platform that is away does not count against it: a restart would
    /// not bring them back.
    pub fn is_live(&self) -> bool {
        self.stuck.is_empty()
    }

    /// It is live, connected to the broker, subscribed everywhere, and the platform answers. With `stomp=false` there is no
    /// broker to be connected to.
    pub fn is_ready(&self) -> bool {
        self.is_live() && self.unready.is_empty()
    }
}

impl Health {
    /// Adds to a counter, which [`Report::counters`] then shows.
    pub fn count(&self, name: &'static str, more: u64) {
        self.shared.vitals.count(name, more);
    }

    /// How the runner is doing now.
    pub fn report(&self) -> Report {
        let vitals = &self.shared.vitals;
        let org = self.shared.client.org().id;
        let mut destinations: Vec<_> = self
            .shared
            .headroom
            .keys()
            .map(|queue| DestinationName::actions(org, queue).to_string())
            .collect();
        destinations.sort();
        let mut unready = Vec::new();
        let state = vitals.connection.get().map(|state| state.borrow().clone());
        let broker = match state {
            Some(State::Connected { host, epoch, subscriptions, .. }) => {
                let all = vitals.subscribed.load(Ordering::Relaxed)
                    && (epoch == 1 || subscriptions >= destinations.len());
                if !all {
                    unready.push("not subscribed to every destination".to_owned());
                }
                Some(host.to_string())
            }
            Some(State::Disconnected { reason, .. }) => {
                unready.push(format!("not connected to the broker: {reason}"));
                None
            }
            // As the settings ask: it works only through its timers and the test port.
            Some(State::Off) => {
                destinations.clear();
                None
            }
            _ => {
                unready.push("not connected to the broker".to_owned());
                None
            }
        };
        if self.shared.client.is_down() {
            unready.push("the platform does not answer; actions wait for it".to_owned());
        }
        let live = self.shared.live();
        let settings = live.config.settings();
        let mut counters = vitals.counters();
        if let Some(dropped) =
            self.outbox.as_ref().map(|outbox| outbox.dropped()).filter(|dropped| *dropped > 0)
        {
            counters.insert("events_dropped", dropped);
        }
        let paused = self.pauses.all();
        let inner = vitals.lock();
        let (mut running, mut waiting, mut queued, mut held_back) = (Vec::new(), 0, 0, 0);
        for held in inner.held.values() {
            let destination = held.about.destination();
            match held.state() {
                HeldState::Running => running.push(Running {
                    message_id: held.about.id.clone(),
                    destination: destination.to_owned(),
                    rule: held.about.rule().map(str::to_owned),
                    incident: held.about.incident(),
                    since: held.since,
                }),
                HeldState::Waiting => waiting += 1,
                HeldState::Queued => {
                    queued += 1;
                    let name = (!paused.is_empty()).then(|| DestinationName::parse(destination)).flatten();
                    held_back += usize::from(name.is_some_and(|name| paused.contains_key(&name.queue)));
                }
            }
        }
        let held_up = inner.held_up.as_ref().map(|(since, why)| (since.elapsed(), why.as_str()));
        let queued_for_workers = if running.len() >= settings.num_workers { queued - held_back } else { 0 };
        let still = inner.moved.elapsed();
        running.sort_by_key(|running| running.since);
        Report {
            org: self.shared.client.org().name.clone(),
            started: vitals.begun,
            broker,
            destinations,
            paused,
            running,
            waiting,
            queued,
            handled: inner.handled,
            failed: inner.failed,
            last_message: inner.last_message,
            last_error: inner.last_error.clone(),
            counters,
            stuck: stuck(held_up, queued_for_workers, still, settings.handler_timeout),
            unready,
        }
    }
}

/// Why there is no progress: the journal has taken nothing for too long, or messages wait while all workers are busy and no
/// handler has begun or ended for too long.
fn stuck(
    held_up: Option<(Duration, &str)>,
    queued: usize,
    still: Duration,
    limit: Option<Duration>,
) -> Vec<String> {
    let journal = held_up
        .filter(|(time, _)| *time > HELD_UP)
        .map(|(time, why)| format!("the journal has taken nothing for {} s: {why}", time.as_secs()));
    let patience = limit.map_or(STUCK, |limit| limit + GRACE);
    let workers = (queued > 0 && still > patience).then(|| {
        format!(
            "{queued} messages wait, all workers are busy, and no handler has ended for {} s; handler_timeout= ends those that \
             hang",
            still.as_secs()
        )
    });
    journal.into_iter().chain(workers).collect()
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuck_is_only_what_does_not_move_for_long() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        for (held_up, queued, still, limit, expected) in [
            (None, 0, 24 * 60 * minute, None, &[][..]),
            (None, 3, 15 * minute, None, &[]),
            (None, 3, 15 * minute + second, None, &["3 messages wait"]),
            (None, 3, 2 * minute, Some(minute), &[]),
            (None, 3, 2 * minute + second, Some(minute), &["for 121 s"]),
            (Some((minute, "full")), 0, second, None, &[]),
            (Some((minute + second, "full")), 0, second, None, &["has taken nothing for 61 s: full"]),
            (Some((2 * minute, "full")), 1, 16 * minute, None, &["full", "handler_timeout="]),
        ] {
            let reasons = stuck(held_up, queued, still, limit);
            assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
            assert!(reasons.iter().zip(expected).all(|(reason, part)| reason.contains(part)), "{reasons:?}");
        }
    }
}
