//! Runs lookups beside the messages: one at a time for equal requests, so many in all, each for so long. Whoever asks gets the result
//! if it comes soon, and otherwise hears that it has to ask again.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use circuits::Result;
use futures_util::FutureExt as _;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::memory::{Key, Memory, Outcome, State, Watched};
use crate::service::Service;
use crate::{Artifact, Hit, Lookup};

/// Bytes of artifacts that are looked up or wait for it.
const HELD: usize = 256 * 1024 * 1024;

/// The bounds of lookups.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// How long whoever asks waits for the result.
    pub(crate) patience: Duration,
    /// How long a handler may take.
    pub(crate) timeout: Duration,
    /// Handlers at work at a time.
    pub(crate) at_a_time: usize,
    /// How often the platform is told to ask again.
    pub(crate) polls: u32,
    /// Requests that are remembered.
    pub(crate) size: usize,
    /// How long they are.
    pub(crate) ttl: Duration,
}

/// What is answered to a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// These are all hits.
    Complete(Vec<Hit>),
    /// There may be more than these; ask again.
    Pending(Vec<Hit>),
    /// There is no room for a further lookup.
    Full,
}

/// A lookup that is to run.
pub(crate) struct Job {
    key: Key,
    artifact: Artifact,
    told: watch::Sender<Option<Outcome>>,
}

/// The lookups to run.
pub(crate) type Jobs = mpsc::UnboundedReceiver<Job>;

/// Adds one to a counter.
pub(crate) type Count = Box<dyn Fn(&'static str) + Send + Sync>;

/// The services with what is known of their lookups.
pub(crate) struct Engine {
    services: Vec<Service>,
    limits: Limits,
    memory: Mutex<Memory>,
    /// No longer than the memory has entries.
    jobs: mpsc::UnboundedSender<Job>,
    count: Count,
}

impl Engine {
    pub(crate) fn new(services: Vec<Service>, limits: Limits, count: Count) -> (Arc<Self>, Jobs) {
        let (jobs, receiver) = mpsc::unbounded_channel();
        let memory = Mutex::new(Memory::new(limits.size, HELD, limits.ttl));
        (Arc::new(Self { services, limits, memory, jobs, count }), receiver)
    }

    /// The service of this name, and its position.
    pub(crate) fn service(&self, name: &str) -> Option<(usize, &Service)> {
        self.services.iter().enumerate().find(|(_, service)| service.name == name)
    }

    /// The platform asks about an artifact.
    pub(crate) async fn scan(&self, service: usize, id: Uuid, artifact: Artifact) -> Answer {
        let key = (service, id);
        let watched = {
            let mut memory = self.memory();
            match memory.get(&key) {
                Some(entry) if matches!(entry.state, State::Complete) => {
                    return Answer::Complete(entry.hits.clone());
                }
                Some(entry) => entry.polls = 0,
                None => {}
            }
            self.watched(&mut memory, key, Some(artifact))
        };
        match watched {
            Some(watched) => self.answer(key, watched).await,
            None => self.full(),
        }
    }

    /// The platform asks again. Nothing is known about an id that is too old, or from before a restart.
    pub(crate) async fn poll(&self, service: usize, id: Uuid) -> Answer {
        let key = (service, id);
        let watched = {
            let mut memory = self.memory();
            match memory.get(&key) {
                None => return Answer::Complete(Vec::new()),
                Some(entry) if matches!(entry.state, State::Complete) => {
                    return Answer::Complete(entry.hits.clone());
                }
                Some(_) => self.watched(&mut memory, key, None),
            }
        };
        let Some(watched) = watched else { return self.full() };
        match self.answer(key, watched).await {
            Answer::Pending(hits) => self.told_to_ask_again(key, hits),
            answer => answer,
        }
    }

    /// The lookup that runs, or one that begins now, about this artifact or the known one. `None` if there is no room for it.
    fn watched(&self, memory: &mut Memory, key: Key, artifact: Option<Artifact>) -> Option<Watched> {
        let entry = memory.get(&key);
        if let Some(State::Running(watched)) = entry.as_ref().map(|entry| &entry.state) {
            return Some(watched.clone());
        }
        let artifact = artifact.or_else(|| entry?.artifact.clone())?;
        let (told, watched) = watch::channel(None);
        if !memory.begin(key, artifact.clone(), watched.clone()) {
            return None;
        }
        if self.jobs.send(Job { key, artifact, told }).is_err() {
            // The runner stops.
            memory.remove(&key);
            return None;
        }
        Some(watched)
    }

    /// The result, if it comes soon.
    async fn answer(&self, key: Key, mut watched: Watched) -> Answer {
        let told = async { watched.wait_for(Option::is_some).await.ok().and_then(|told| told.clone()) };
        match tokio::time::timeout(self.limits.patience, told).await {
            Ok(Some(Outcome::Complete(hits))) => Answer::Complete(hits),
            _ => Answer::Pending(self.memory().get(&key).map(|entry| entry.hits.clone()).unwrap_or_default()),
        }
    }

    /// Tells the platform to ask again, unless it was told so too often.
    fn told_to_ask_again(&self, key: Key, hits: Vec<Hit>) -> Answer {
        let mut memory = self.memory();
        let Some(entry) = memory.get(&key) else { return Answer::Pending(hits) };
        entry.polls += 1;
        if entry.polls <= self.limits.polls {
            return Answer::Pending(hits);
        }
        let service = &self.services[key.0].name;
        warn!(service, id = %key.1, polls = self.limits.polls, "The lookup has no result after max_retries; the platform gets the hits so far");
        // A handler that still runs is left alone: its result answers the next scan.
        entry.polls = 0;
        if matches!(entry.state, State::Waiting) {
            memory.remove(&key);
        }
        Answer::Complete(hits)
    }

    fn full(&self) -> Answer {
        warn!(
            "There is no room for a further lookup; the platform is told to try later. See cache_size and max_lookups"
        );
        (self.count)("threat_refused");
        Answer::Full
    }

    /// Runs the lookups until this is dropped.
    pub(crate) async fn run(self: Arc<Self>, mut jobs: Jobs) {
        let room = Arc::new(Semaphore::new(self.limits.at_a_time));
        // Ends them when it is dropped.
        let mut running = JoinSet::new();
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let Some(job) = jobs.recv().await else { return };
            while running.try_join_next().is_some() {}
            let engine = Arc::clone(&self);
            running.spawn(async move {
                let _place = place;
                engine.look_up(job).await;
            });
        }
    }

    async fn look_up(&self, Job { key, artifact, told }: Job) {
        (self.count)("threat_lookups");
        let service = &self.services[key.0];
        let (name, kind) = (&service.name, artifact.kind().to_owned());
        // A text that cannot be made of an error is a panic of the handler too.
        let run = async { service.searcher.look_up(artifact).await.map_err(|error| format!("{error:?}")) };
        let run = AssertUnwindSafe(run).catch_unwind();
        let failure = match tokio::time::timeout(self.limits.timeout, run).await {
            Ok(Ok(Ok(lookup))) => {
                info!(service = name, id = %key.1, kind, hits = lookup.hits.len(), complete = lookup.complete, "An artifact was looked up");
                return self.ended(key, &told, Ok(lookup));
            }
            Ok(Ok(Err(error))) => error,
            Ok(Err(_)) => "the handler panicked".to_owned(),
            Err(_) => format!("it took longer than lookup_timeout={}", self.limits.timeout.as_secs()),
        };
        (self.count)("threat_errors");
        error!(service = name, id = %key.1, kind, error = failure, "An artifact could not be looked up; the platform gets no hits");
        self.ended(key, &told, Err(()));
    }

    /// Keeps a result and tells it. A failure is not kept, so that the next scan looks the artifact up again.
    fn ended(&self, key: Key, told: &watch::Sender<Option<Outcome>>, result: Result<Lookup, ()>) {
        let mut memory = self.memory();
        let outcome = match result {
            Ok(Lookup { hits, complete: true }) => {
                memory.end(key, hits.clone(), true);
                Outcome::Complete(hits)
            }
            Ok(Lookup { hits, complete: false }) => {
                memory.end(key, hits, false);
                Outcome::NotYet
            }
            Err(()) => Outcome::Complete(memory.remove(&key).map(|entry| entry.hits).unwrap_or_default()),
        };
        told.send_replace(Some(outcome));
    }

    /// The lock is held for one change and never across an await.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
