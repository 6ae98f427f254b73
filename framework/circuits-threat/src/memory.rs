//! The lookups that run, wait to be asked for again, or have a result: bounded in number and in bytes, the latter two for a time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Artifact, Hit};

/// A service by its position, and the id of a request to it.
pub(crate) type Key = (usize, Uuid);

/// How a lookup ends: with all hits, or with those that are known so far.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Complete(Vec<Hit>),
    NotYet,
}

/// Tells those who wait for a lookup how it ended.
pub(crate) type Watched = watch::Receiver<Option<Outcome>>;

pub(crate) enum State {
    /// Its handler runs, or waits for its turn.
    Running(Watched),
    /// Its handler did not know yet.
    Waiting,
    Complete,
}

/// What is known about one request.
pub(crate) struct Entry {
    pub(crate) state: State,
    /// All hits, or those so far.
    pub(crate) hits: Vec<Hit>,
    /// What was asked about; no longer needed with a result.
    pub(crate) artifact: Option<Artifact>,
    /// How often the platform was told to ask again.
    pub(crate) polls: u32,
    /// When it is forgotten, and a number that makes this unique; nothing is while it runs.
    until: Option<(Instant, u64)>,
}

type Queue = BTreeMap<(Instant, u64), Key>;

/// The entries.
pub(crate) struct Memory {
    entries: HashMap<Key, Entry>,
    /// Those with a result, the oldest first.
    complete: Queue,
    /// Those whose handler did not know yet, the oldest first.
    waiting: Queue,
    /// Bytes of the artifacts.
    held: usize,
    counter: u64,
    /// The most entries.
    size: usize,
    /// The most bytes of artifacts.
    bytes: usize,
    /// How long an entry is kept that does not run.
    ttl: Duration,
}

impl Memory {
    pub(crate) fn new(size: usize, bytes: usize, ttl: Duration) -> Self {
        let (entries, complete, waiting) = Default::default();
        Self { entries, complete, waiting, held: 0, counter: 0, size, bytes, ttl }
    }

    /// An entry, unless its time is over.
    pub(crate) fn get(&mut self, key: &Key) -> Option<&mut Entry> {
        self.forget_old();
        self.entries.get_mut(key)
    }

    /// A lookup begins, or begins again; hits so far stay. False if there is no room for it.
    pub(crate) fn begin(&mut self, key: Key, artifact: Artifact, watched: Watched) -> bool {
        self.forget_old();
        let before =
            self.entries.get(&key).and_then(|entry| entry.artifact.as_ref()).map_or(0, Artifact::size);
        if self.held - before + artifact.size() > self.bytes {
            return false;
        }
        if !self.entries.contains_key(&key) {
            while self.entries.len() >= self.size {
                // A result is found again; what the platform still asks for is not given up.
                let Some((_, oldest)) = self.complete.pop_first() else { return false };
                self.entries.remove(&oldest);
            }
        }
        let old = self.remove(&key);
        self.held += artifact.size();
        let (hits, polls) = old.map(|old| (old.hits, old.polls)).unwrap_or_default();
        let (state, artifact) = (State::Running(watched), Some(artifact));
        self.entries.insert(key, Entry { state, hits, artifact, polls, until: None });
        true
    }

    /// A lookup has these hits, all of them or not.
    pub(crate) fn end(&mut self, key: Key, hits: Vec<Hit>, complete: bool) {
        let Some(mut entry) = self.remove(&key) else { return };
        self.counter += 1;
        let until = (Instant::now() + self.ttl, self.counter);
        entry.hits = hits;
        entry.until = Some(until);
        if complete {
            entry.state = State::Complete;
            entry.artifact = None;
            self.complete.insert(until, key);
        } else {
            entry.state = State::Waiting;
            self.held += entry.artifact.as_ref().map_or(0, Artifact::size);
            self.waiting.insert(until, key);
        }
        self.entries.insert(key, entry);
    }

    /// Forgets an entry.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.held -= entry.artifact.as_ref().map_or(0, Artifact::size);
        if let Some(until) = entry.until {
            self.complete.remove(&until);
            self.waiting.remove(&until);
        }
        Some(entry)
    }

    fn forget_old(&mut self) {
        let now = Instant::now();
        for complete in [true, false] {
            loop {
                let queue = if complete { &self.complete } else { &self.waiting };
                let Some(key) =
                    queue.first_key_value().filter(|((until, _), _)| *until <= now).map(|(_, key)| *key)
                else {
                    break;
                };
                self.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(600);

    fn key(number: u128) -> Key {
        (0, Uuid::from_u128(number))
    }

    fn begin(memory: &mut Memory, number: u128) -> bool {
        memory.begin(key(number), Artifact::new("k", "v"), watch::channel(None).1)
    }

    #[tokio::test(start_paused = true)]
    async fn results_make_room_and_what_still_runs_or_waits_does_not() {
        let mut memory = Memory::new(3, 1000, TTL);
        assert!(begin(&mut memory, 1) && begin(&mut memory, 2) && begin(&mut memory, 3));
        assert!(!begin(&mut memory, 4), "all three run");
        memory.end(key(2), vec![], true);
        memory.end(key(1), vec![], false);
        assert!(begin(&mut memory, 4), "the result of 2 makes room");
        assert!(memory.get(&key(2)).is_none() && memory.get(&key(1)).is_some());
        assert!(!begin(&mut memory, 5), "1 waits");
        tokio::time::advance(TTL).await;
        assert!(begin(&mut memory, 5), "1 was not asked for in time");
    }

    #[tokio::test(start_paused = true)]
    async fn artifacts_take_no_more_than_their_bytes() {
        let size = Artifact::new("k", "v").size();
        let mut memory = Memory::new(10, 2 * size, TTL);
        assert!(begin(&mut memory, 1) && begin(&mut memory, 2) && !begin(&mut memory, 3));
        memory.end(key(1), vec![], false);
        assert!(!begin(&mut memory, 3), "it may be looked up again");
        assert!(begin(&mut memory, 1), "in its own place");
        memory.end(key(1), vec![], true);
        assert!(begin(&mut memory, 3), "a result needs no artifact");
        memory.remove(&key(2));
        memory.remove(&key(3));
        assert_eq!(memory.held, 0);
    }
}
