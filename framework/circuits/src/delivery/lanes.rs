//! Order per incident, parallel across incidents: a message draws a ticket for its lane when it arrives, and gets its turn
//! (the lane to itself, and one of a bounded number of workers) when all before it have left. A lane that waits occupies no
//! worker.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pauses::Pauses;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use crate::message::Subject;

/// One lane: a destination, and the incident on it or whatever else a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    destination: Arc<str>,
    about: About,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Known(Subject),
    /// A message that does not say what it is about has a lane of its own.
    Alone(u64),
}

/// All lanes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lanes {
    workers: Arc<Semaphore>,
    /// How many workers there are or, after a change is complete, will be.
    size: Arc<AtomicUsize>,
    /// The lines behind the messages that have a lane; a lane that no message has is absent.
    lines: Arc<Mutex<HashMap<LaneKey, VecDeque<oneshot::Sender<Lane>>>>>,
    closed: CancellationToken,
    pauses: Pauses,
    /// How many keys without a subject there have been.
    loners: Arc<AtomicU64>,
}

/// The right to a turn, at the place in line where it was drawn.
pub(crate) struct Ticket {
    lanes: Lanes,
    place: Place,
}

enum Place {
    First(Lane),
    Behind(oneshot::Receiver<Lane>),
}

/// A lane to oneself, until it is dropped.
struct Lane {
    lanes: Lanes,
    key: Option<LaneKey>,
}

/// The turn of one message.
pub(crate) struct Turn {
    worker: Option<OwnedSemaphorePermit>,
    _lane: Lane,
}

impl std::fmt::Display for LaneKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.about {
            About::Known(subject) => write!(f, "{subject}"),
            About::Alone(number) => write!(f, "message {number}"),
        }
    }
}

impl Lanes {
    /// Lanes in which at most `workers` messages have their turn at a time.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            size: Arc::new(AtomicUsize::new(workers)),
            lines: Arc::default(),
            closed: CancellationToken::new(),
            pauses: Pauses::default(),
            loners: Arc::default(),
        }
    }

    /// The lane for what a message is about on a destination; a lane to itself for a message that does not say.
    pub(crate) fn key(&self, destination: &str, subject: Option<Subject>) -> LaneKey {
        let alone = || About::Alone(self.loners.fetch_add(1, Ordering::Relaxed));
        LaneKey { destination: destination.into(), about: subject.map_or_else(alone, About::Known) }
    }

    /// Changes the number of workers. Turns beyond the new number may end first.
    pub(crate) fn resize(&self, workers: usize) {
        let before = self.size.swap(workers, Ordering::Relaxed);
        if workers >= before {
            self.workers.add_permits(workers - before);
        } else if let Ok(excess) = u32::try_from(before - workers) {
            let all = Arc::clone(&self.workers);
            tokio::spawn(async move {
                if let Ok(permits) = all.acquire_many_owned(excess).await {
                    permits.forget();
                }
            });
        }
    }

    /// Draws a ticket behind all that were drawn for this lane before.
    pub(crate) fn ticket(&self, key: &LaneKey) -> Ticket {
        let mut lines = self.lock();
        let place = if let Some(line) = lines.get_mut(key) {
            let (send, receive) = oneshot::channel();
            line.push_back(send);
            Place::Behind(receive)
        } else {
            lines.insert(key.clone(), VecDeque::new());
            Place::First(Lane { lanes: self.clone(), key: Some(key.clone()) })
        };
        Ticket { lanes: self.clone(), place }
    }

    /// A worker for a message of this lane, once its destination is not paused; `None` once the lanes are closed.
    pub(crate) async fn worker(&self, key: &LaneKey) -> Option<OwnedSemaphorePermit> {
        let destination = &*key.destination;
        let free = async {
            loop {
                self.pauses.over(destination).await;
                let worker = Arc::clone(&self.workers).acquire_owned().await.ok()?;
                // It may have been paused while all workers were busy.
                if !self.pauses.hold(destination) {
                    return Some(worker);
                }
            }
        };
        tokio::select! {
            biased;
            () = self.closed.cancelled() => None,
            worker = free => worker,
        }
    }

    /// The destinations whose messages get no worker.
    pub(crate) fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// Gives no more turns; messages that have one keep it.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Resolves when the lanes are closed.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaneKey, VecDeque<oneshot::Sender<Lane>>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits for the turn; `None` if the lanes are closed first.
    pub(crate) async fn turn(self) -> Option<Turn> {
        let lane = match self.place {
            Place::First(lane) => lane,
            Place::Behind(mut receive) => tokio::select! {
                biased;
                () = self.lanes.closed() => return None,
                lane = &mut receive => lane.ok()?,
            },
        };
        let worker = self.lanes.worker(lane.key.as_ref()?).await?;
        Some(Turn { worker: Some(worker), _lane: lane })
    }
}

impl Turn {
    /// Gives the worker up and keeps the lane, so that nothing overtakes.
    pub(crate) fn release_worker(&mut self) {
        self.worker = None;
    }

    /// Goes on with another worker.
    pub(crate) fn resume(&mut self, worker: OwnedSemaphorePermit) {
        self.worker = Some(worker);
    }
}

impl Drop for Lane {
    /// Hands the lane to the next in line that still wants it; an empty lane ends under the lock, so that no ticket can slip
    /// in behind it.
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut lines = self.lanes.lock();
        while let Some(next) = lines.get_mut(&key).and_then(VecDeque::pop_front) {
            let lane = Self { lanes: self.lanes.clone(), key: Some(key.clone()) };
            match next.send(lane) {
                Ok(()) => return,
                // It must not be dropped as it is: that would take the lock again.
                Err(mut unwanted) => unwanted.key = None,
            }
        }
        lines.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::pauses::Paused;
    use std::time::Duration;
    use tokio::sync::mpsc;
    use tokio_util::task::TaskTracker;

    /// Messages that say when their turn begins and ends.
    struct Road {
        lanes: Lanes,
        tasks: TaskTracker,
        say: mpsc::UnboundedSender<String>,
        said: mpsc::UnboundedReceiver<String>,
    }

    impl Road {
        fn new(workers: usize) -> Self {
            let (say, said) = mpsc::unbounded_channel();
            Self { lanes: Lanes::new(workers), tasks: TaskTracker::new(), say, said }
        }

        fn push(&self, incident: i64, ms: u64, name: &'static str) {
            let (ticket, say) = (
                self.lanes.ticket(&self.lanes.key("q", Some(Subject::Incident(incident)))),
                self.say.clone(),
            );
            self.tasks.spawn(async move {
                let Some(_turn) = ticket.turn().await else {
                    return say.send(format!("{name} has no turn")).unwrap();
                };
                say.send(format!("{name} starts")).unwrap();
                tokio::time::sleep(Duration::from_millis(ms)).await;
                say.send(format!("{name} ends")).unwrap();
            });
        }

        async fn end(mut self) -> Vec<String> {
            self.tasks.close();
            self.tasks.wait().await;
            assert!(self.lanes.lock().is_empty(), "a lane is left over");
            self.said.close();
            std::iter::from_fn(|| self.said.try_recv().ok()).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_incident_in_order_others_beside_it() {
        let road = Road::new(4);
        road.push(1, 100, "a1");
        road.push(1, 10, "a2");
        road.push(2, 50, "b1");
        assert_eq!(
            road.end().await,
            ["a1 starts", "b1 starts", "b1 ends", "a1 ends", "a2 starts", "a2 ends"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_run_than_there_are_workers() {
        let road = Road::new(1);
        road.push(1, 100, "a");
        road.push(2, 10, "b");
        assert_eq!(road.end().await, ["a starts", "a ends", "b starts", "b ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_lets_what_runs_finish_and_gives_no_turn_to_what_waits() {
        let mut road = Road::new(1);
        road.push(1, 100, "a");
        assert_eq!(road.said.recv().await.unwrap(), "a starts");
        road.push(1, 10, "behind a");
        road.push(2, 10, "b");
        road.lanes.close();
        let mut rest = road.end().await;
        rest[..2].sort();
        assert_eq!(rest, ["b has no turn", "behind a has no turn", "a ends"]);
    }

    /// A pause now, by somebody.
    fn paused() -> Paused {
        Paused { since: std::time::SystemTime::now(), by: "ada".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn on_a_paused_destination_what_runs_finishes_and_the_rest_goes_on_in_order() {
        let mut road = Road::new(1);
        road.push(1, 100, "a1");
        road.push(1, 10, "a2");
        road.push(2, 10, "b");
        assert_eq!(road.said.recv().await.unwrap(), "a1 starts");
        road.lanes.pauses().pause("q", paused());
        assert_eq!(road.said.recv().await.unwrap(), "a1 ends");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(road.said.try_recv().is_err(), "nothing begins meanwhile");
        let other = road.lanes.ticket(&road.lanes.key("other", Some(Subject::Incident(1))));
        drop(other.turn().await.unwrap());
        road.lanes.pauses().resume("q");
        let rest = road.end().await;
        assert_eq!(rest.len(), 4, "{rest:?}");
        assert!(rest.contains(&"a2 ends".to_owned()) && rest.contains(&"b ends".to_owned()), "{rest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_pause_holds_back_has_no_turn_when_the_lanes_close() {
        let road = Road::new(2);
        road.lanes.pauses().pause("q", paused());
        road.push(1, 10, "a");
        road.push(1, 10, "behind a");
        tokio::time::sleep(Duration::from_millis(10)).await;
        road.lanes.close();
        let mut rest = road.end().await;
        rest.sort();
        assert_eq!(rest, ["a has no turn", "behind a has no turn"]);
    }

    #[tokio::test(start_paused = true)]
    async fn workers_come_and_go() {
        let road = Road::new(2);
        road.push(1, 100, "a");
        road.push(2, 100, "b");
        tokio::time::sleep(Duration::from_millis(50)).await;
        road.lanes.resize(1);
        tokio::task::yield_now().await;
        road.push(3, 10, "c");
        road.push(4, 10, "d");
        tokio::time::sleep(Duration::from_millis(55)).await;
        road.lanes.resize(2);
        road.push(5, 1, "e");
        let all = road.end().await;
        let ends: Vec<_> = all.iter().filter(|line| line.ends_with("starts")).collect();
        assert_eq!(ends, ["a starts", "b starts", "c starts", "d starts", "e starts"]);
        let at = |line: &str| all.iter().position(|one| one == line).unwrap();
        assert!(at("d starts") < at("c ends"), "the second worker is back: {all:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_thrown_away_holds_up_nobody() {
        let road = Road::new(2);
        let first = road.lanes.ticket(&road.lanes.key("q", Some(Subject::Incident(1))));
        let second = road.lanes.ticket(&road.lanes.key("q", Some(Subject::Incident(1))));
        road.push(1, 10, "third");
        drop(second);
        drop(first);
        assert_eq!(road.end().await, ["third starts", "third ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_without_its_worker_keeps_the_lane() {
        let road = Road::new(1);
        let mut turn =
            road.lanes.ticket(&road.lanes.key("q", Some(Subject::Incident(1)))).turn().await.unwrap();
        turn.release_worker();
        road.push(1, 10, "behind");
        road.push(2, 10, "other");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let key = road.lanes.key("q", Some(Subject::Incident(1)));
        turn.resume(road.lanes.worker(&key).await.unwrap());
        drop(turn);
        assert_eq!(road.end().await, ["other starts", "other ends", "behind starts", "behind ends"]);
    }
}
