//! Order per incident, parallel across incidents: jobs of one lane run one after the other, lanes share a bounded number of
//! workers, and a lane that waits occupies none.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One lane: a destination and an incident on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    pub(crate) destination: Arc<str>,
    pub(crate) incident: i64,
}

/// All lanes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lanes {
    workers: Arc<Semaphore>,
    waiting: Arc<Mutex<HashMap<LaneKey, VecDeque<Job>>>>,
    tasks: TaskTracker,
}

impl Lanes {
    /// Lanes that run at most `workers` jobs at a time, as tasks of `tasks`.
    pub(crate) fn new(workers: usize, tasks: TaskTracker) -> Self {
        Self { workers: Arc::new(Semaphore::new(workers)), waiting: Arc::default(), tasks }
    }

    /// Queues a job behind those of its lane.
    pub(crate) fn push(&self, key: LaneKey, job: impl Future<Output = ()> + Send + 'static) {
        let job: Job = Box::pin(job);
        let mut waiting = self.lock();
        if let Some(queue) = waiting.get_mut(&key) {
            queue.push_back(job);
            return;
        }
        waiting.insert(key.clone(), VecDeque::new());
        drop(waiting);
        self.tasks.spawn(self.clone().run(key, job));
    }

    /// Starts no job any more; those that run go on, those that wait are dropped. Returns how many were dropped.
    pub(crate) fn close(&self) -> usize {
        self.workers.close();
        self.lock().values_mut().map(|queue| queue.drain(..).len()).sum()
    }

    async fn run(self, key: LaneKey, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            match self.workers.acquire().await {
                Ok(_worker) => job.await,
                Err(_closed) => return,
            }
            next = self.next(&key);
        }
    }

    /// The lane's next job; an empty lane ends here, under the lock, so that no job can slip in behind it.
    fn next(&self, key: &LaneKey) -> Option<Job> {
        let mut waiting = self.lock();
        let job = waiting.get_mut(key)?.pop_front();
        if job.is_none() {
            waiting.remove(key);
        }
        job
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaneKey, VecDeque<Job>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::mpsc;

    fn key(incident: i64) -> LaneKey {
        LaneKey { destination: "q".into(), incident }
    }

    async fn collect(mut seen: mpsc::UnboundedReceiver<String>) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(one) = seen.recv().await {
            all.push(one);
        }
        all
    }

    fn push_slow(lanes: &Lanes, incident: i64, ms: u64, name: &str, seen: &mpsc::UnboundedSender<String>) {
        let (name, seen) = (name.to_owned(), seen.clone());
        lanes.push(key(incident), async move {
            seen.send(format!("{name} starts")).unwrap();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            seen.send(format!("{name} ends")).unwrap();
        });
    }

    #[tokio::test(start_paused = true)]
    async fn one_incident_in_order_others_beside_it() {
        let lanes = Lanes::new(4, TaskTracker::new());
        let (seen, all) = mpsc::unbounded_channel();
        push_slow(&lanes, 1, 100, "a1", &seen);
        push_slow(&lanes, 1, 10, "a2", &seen);
        push_slow(&lanes, 2, 50, "b1", &seen);
        drop(seen);
        assert_eq!(
            collect(all).await,
            ["a1 starts", "b1 starts", "b1 ends", "a1 ends", "a2 starts", "a2 ends"]
        );
        assert!(lanes.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_run_than_there_are_workers() {
        let lanes = Lanes::new(1, TaskTracker::new());
        let (seen, all) = mpsc::unbounded_channel();
        push_slow(&lanes, 1, 100, "a", &seen);
        push_slow(&lanes, 2, 10, "b", &seen);
        drop(seen);
        assert_eq!(collect(all).await, ["a starts", "a ends", "b starts", "b ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_finishes_what_runs_and_drops_what_waits() {
        let tasks = TaskTracker::new();
        let lanes = Lanes::new(1, tasks.clone());
        let (seen, mut all) = mpsc::unbounded_channel();
        push_slow(&lanes, 1, 100, "a", &seen);
        assert_eq!(all.recv().await.unwrap(), "a starts");
        push_slow(&lanes, 1, 10, "behind a", &seen);
        push_slow(&lanes, 2, 10, "b", &seen);
        assert_eq!(lanes.close(), 1);
        tasks.close();
        tasks.wait().await;
        drop(seen);
        assert_eq!(collect(all).await, ["a ends"]);
    }
}
