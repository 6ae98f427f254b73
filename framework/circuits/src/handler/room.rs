//! A room for actions that wait outside their lane for a time. Those of one key come back in the order in which they
//! arrived, or give way to a newer one.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::delivery::lanes::Ticket;
use crate::delivery::seat::Seat;

/// The actions that wait at one combinator.
#[derive(Debug)]
pub(super) struct Room<K: Eq + Hash>(Mutex<Entries<K>>);

#[derive(Debug)]
struct Entries<K> {
    by_key: HashMap<K, Entry>,
    next_id: u64,
}

/// The actions of one key; it exists as long as any of them waits.
#[derive(Debug)]
pub(super) struct Entry {
    /// When its first action came.
    pub(super) since: Instant,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    id: u64,
    due: Instant,
    seat: Arc<Seat>,
    wake: oneshot::Sender<Woken>,
}

enum Woken {
    Due(Option<Ticket>),
    Superseded,
}

/// How a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The time has come, and the action has its seat again.
    Due,
    /// A newer action has taken its place; it has no seat.
    Superseded,
}

impl<K: Eq + Hash> Default for Room<K> {
    fn default() -> Self {
        Self(Mutex::new(Entries { by_key: HashMap::new(), next_id: 0 }))
    }
}

impl Entry {
    /// Moves the time of all waiting actions.
    pub(super) fn postpone(&mut self, due: Instant) {
        self.waiting.iter_mut().for_each(|waiting| waiting.due = due);
    }

    /// Sends away all waiting actions.
    pub(super) fn supersede(&mut self) {
        for waiting in self.waiting.drain(..) {
            // An action that is gone need not know.
            let _ = waiting.wake.send(Woken::Superseded);
        }
    }
}

impl<K: Clone + Eq + Hash> Room<K> {
    /// Leaves the seat and waits. `arrive` looks at the actions of the same key that already wait, and returns when this one is
    /// due.
    pub(super) async fn wait(
        &self,
        key: K,
        seat: &Arc<Seat>,
        arrive: impl FnOnce(&mut Entry, Instant) -> Instant,
    ) -> Waited {
        let (wake, mut woken) = oneshot::channel();
        let (id, mut due) = self.enter(&key, seat, wake, arrive);
        let place = Place { room: self, key, id };
        let over = async {
            let woken = loop {
                tokio::select! {
                    biased;
                    woken = &mut woken => break woken,
                    () = sleep_until(due) => due = place.open().unwrap_or(due),
                }
            };
            match woken {
                Ok(Woken::Due(ticket)) => (Waited::Due, ticket),
                Ok(Woken::Superseded) | Err(_) => (Waited::Superseded, None),
            }
        };
        seat.wait_outside(over).await
    }

    fn enter(
        &self,
        key: &K,
        seat: &Arc<Seat>,
        wake: oneshot::Sender<Woken>,
        arrive: impl FnOnce(&mut Entry, Instant) -> Instant,
    ) -> (u64, Instant) {
        let now = Instant::now();
        let mut entries = self.lock();
        let id = entries.next_id;
        entries.next_id += 1;
        let entry = entries
            .by_key
            .entry(key.clone())
            .or_insert_with(|| Entry { since: now, waiting: VecDeque::with_capacity(1) });
        let due = arrive(entry, now);
        entry.waiting.push_back(Waiting { id, due, seat: Arc::clone(seat), wake });
        (id, due)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().by_key.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One action's place in the room; given up when it is dropped.
struct Place<'a, K: Clone + Eq + Hash> {
    room: &'a Room<K>,
    key: K,
    id: u64,
}

impl<K: Clone + Eq + Hash> Place<'_, K> {
    /// Releases the actions of the key that are due, in order of arrival. Returns when this one is due if that is later.
    fn open(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut entries = self.room.lock();
        let entry = entries.by_key.get_mut(&self.key)?;
        while entry.waiting.front().is_some_and(|first| first.due <= now)
            && let Some(first) = entry.waiting.pop_front()
        {
            // The ticket is drawn here, for all in turn: timers of the same moment go off in any order.
            let _ = first.wake.send(Woken::Due(first.seat.ticket()));
        }
        if entry.waiting.is_empty() {
            entries.by_key.remove(&self.key);
            return None;
        }
        entry.waiting.iter().find(|waiting| waiting.id == self.id).map(|waiting| waiting.due)
    }
}

impl<K: Clone + Eq + Hash> Drop for Place<'_, K> {
    fn drop(&mut self) {
        let mut entries = self.room.lock();
        let Some(entry) = entries.by_key.get_mut(&self.key) else { return };
        entry.waiting.retain(|waiting| waiting.id != self.id);
        if entry.waiting.is_empty() {
            entries.by_key.remove(&self.key);
        }
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("id", &self.id).field("due", &self.due).finish_non_exhaustive()
    }
}
