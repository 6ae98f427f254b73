//! What was answered in each minute of the last hour, and how long it took, for each message destination.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use circuits::Signal;
use circuits::signal::{AboutAction, ActionCompleted, ActionFailed, ActionResult, ActionSetAside};
use hdrhistogram::Histogram;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

/// How many minutes are kept.
const MINUTES: i64 = 60;
/// Digits of a latency that are exact.
const DIGITS: u8 = 2;

/// The traffic of the last hour.
#[derive(Default)]
pub(crate) struct Traffic(Mutex<VecDeque<Minute>>);

/// The minutes without traffic are absent.
struct Minute {
    /// Since 1970.
    number: i64,
    /// By the full names of destinations.
    tallies: HashMap<String, Tally>,
}

struct Tally {
    completed: u64,
    failed: u64,
    took_ms: Option<Histogram<u32>>,
}

/// One minute as the API shows it.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct MinuteOfTraffic {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Actions answered without an error.
    completed: u64,
    /// Actions answered with an error.
    failed: u64,
    /// Half of the actions took at most so many milliseconds, with all their waiting.
    p50_ms: Option<u64>,
    /// 99 of 100 did.
    p99_ms: Option<u64>,
}

impl Traffic {
    /// Counts as long as there are signals. Those that it falls behind are not counted.
    pub(crate) async fn follow(&self, mut signals: Receiver<Signal>) {
        loop {
            let now = |about: &AboutAction, result: &ActionResult, failed| {
                self.count(Timestamp::now(), &about.message.destination, result.took_ms, failed);
            };
            match signals.recv().await {
                Ok(Signal::ActionCompleted(ActionCompleted { about, result })) => now(&about, &result, false),
                Ok(Signal::ActionFailed(ActionFailed { about, result, .. })) => now(&about, &result, true),
                Ok(Signal::ActionSetAside(ActionSetAside { about, result, .. })) => {
                    now(&about, &result, true)
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn count(&self, at: Timestamp, destination: &str, took_ms: u64, failed: bool) {
        let number = minute(at);
        let mut minutes = self.lock();
        while minutes.front().is_some_and(|first| first.number <= number - MINUTES) {
            minutes.pop_front();
        }
        if minutes.back().is_none_or(|last| last.number != number) {
            minutes.push_back(Minute { number, tallies: HashMap::new() });
        }
        let Some(now) = minutes.back_mut() else { return };
        let tally = now.tallies.entry(destination.to_owned()).or_insert_with(Tally::new);
        *(if failed { &mut tally.failed } else { &mut tally.completed }) += 1;
        if let Some(histogram) = &mut tally.took_ms {
            histogram.saturating_record(took_ms);
        }
    }

    /// The last hour of the destinations that `visible` lets through, oldest minute first, with the one that goes on.
    pub(crate) fn hour(&self, now: Timestamp, visible: impl Fn(&str) -> bool) -> Vec<MinuteOfTraffic> {
        let minutes = self.lock();
        let show = |number: i64| {
            let mut sum = Tally::new();
            let kept = minutes.iter().filter(|minute| minute.number == number);
            let seen =
                kept.flat_map(|minute| &minute.tallies).filter(|(destination, _)| visible(destination));
            for (_, tally) in seen {
                sum.add(tally);
            }
            let took = sum.took_ms.as_ref().filter(|took| !took.is_empty());
            MinuteOfTraffic {
                at: Timestamp::from_second(number * 60).unwrap_or(Timestamp::UNIX_EPOCH),
                completed: sum.completed,
                failed: sum.failed,
                p50_ms: took.map(|took| took.value_at_quantile(0.5)),
                p99_ms: took.map(|took| took.value_at_quantile(0.99)),
            }
        };
        let last = minute(now);
        (last - MINUTES + 1..=last).map(show).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Minute>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn new() -> Self {
        // It grows with the values; refused only for digits that no histogram has.
        Self { completed: 0, failed: 0, took_ms: Histogram::new(DIGITS).ok() }
    }

    fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        if let (Some(sum), Some(more)) = (&mut self.took_ms, &other.took_ms) {
            // It grows with the values.
            let _ = sum.add(more);
        }
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_and_only_what_may_be_seen_is_added_up() {
        let traffic = Traffic::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        traffic.count(at(0), "actions.201.a", 1, false);
        for took in 1..=100 {
            traffic.count(at(3600), "actions.201.a", took, false);
        }
        traffic.count(at(3601), "actions.201.b", 3_600_000, true);
        let hour = traffic.hour(at(3665), |_| true);
        assert_eq!((hour.len(), hour[59].at, hour[58].at), (60, at(3660), at(3600)));
        assert_eq!((hour[58].completed, hour[58].failed, hour[58].p50_ms), (100, 1, Some(50)));
        assert!(hour[58].p99_ms >= Some(99));
        assert_eq!(
            hour.iter().map(|minute| minute.completed).sum::<u64>(),
            100,
            "the first is over an hour old"
        );
        assert_eq!((hour[59].completed, hour[59].p50_ms), (0, None));
        let seen = traffic.hour(at(3665), |destination| destination.ends_with(".b"));
        assert_eq!((seen[58].completed, seen[58].failed), (0, 1));
        traffic.count(at(9000), "actions.201.a", 1, false);
        assert_eq!(traffic.lock().len(), 1, "what is old is forgotten");
    }
}
