//! Answers that change rarely, fetched once for all callers: while one caller fetches, the others wait for it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::Error;

/// The most entries, as in the reference client. Paths with ids in them would otherwise make the cache grow without bound.
const MOST: usize = 128;

/// A cache of `V`s that expire.
pub(crate) struct Cache<K, V> {
    ttl: Duration,
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
}

struct Slot<V> {
    /// When the entry was made, so that the oldest can go first.
    born: Instant,
    answer: tokio::sync::Mutex<Option<Answer<V>>>,
}

/// An answer and when it came. An error is only for callers that were already waiting for it.
type Answer<V> = (Instant, Result<Arc<V>, Error>);

impl<K: Eq + Hash + Clone, V> Cache<K, V> {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, slots: Mutex::default() }
    }

    /// The answer for `key`, from `fetch` if there is no recent one.
    pub(crate) async fn get<F>(&self, key: K, fetch: F) -> Result<Arc<V>, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        let arrived = Instant::now();
        let slot = self.slot(key, arrived);
        let mut answer = slot.answer.lock().await;
        match &*answer {
            Some((at, Ok(value))) if at.elapsed() < self.ttl => return Ok(value.clone()),
            Some((at, Err(error))) if *at > arrived => return Err(error.clone()),
            _ => {}
        }
        let fetched = fetch.await.map(Arc::new);
        *answer = Some((Instant::now(), fetched.clone()));
        fetched
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn slot(&self, key: K, now: Instant) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&key) {
            return slot.clone();
        }
        if slots.len() >= MOST {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.born).map(|(key, _)| key.clone());
            oldest.map(|key| slots.remove(&key));
        }
        let slot = Arc::new(Slot { born: now, answer: tokio::sync::Mutex::new(None) });
        slots.insert(key, slot.clone());
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::error::Kind;

    const TTL: Duration = Duration::from_secs(240);

    async fn slow(counter: &AtomicUsize, outcome: Result<u32, Error>) -> Result<u32, Error> {
        counter.fetch_add(1, SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        outcome
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_cause_one_fetch_until_it_is_too_old() {
        let (cache, fetches) = (Cache::new(TTL), AtomicUsize::new(0));
        let all = (0..100).map(|_| cache.get("a", slow(&fetches, Ok(7))));
        for value in futures_util::future::join_all(all).await {
            assert_eq!(*value.unwrap(), 7);
        }
        assert_eq!(fetches.load(SeqCst), 1);
        tokio::time::advance(TTL - Duration::from_secs(1)).await;
        cache.get("a", slow(&fetches, Ok(8))).await.unwrap();
        assert_eq!(fetches.load(SeqCst), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(*cache.get("a", slow(&fetches, Ok(8))).await.unwrap(), 8);
        cache.clear();
        cache.get("a", slow(&fetches, Ok(9))).await.unwrap();
        assert_eq!(fetches.load(SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_shared_by_those_who_waited_and_kept_for_nobody_else() {
        let (cache, fetches) = (Cache::new(TTL), AtomicUsize::new(0));
        let down = || Err(Error::new(Kind::Connect, "down"));
        let all = (0..50).map(|_| cache.get("a", slow(&fetches, down())));
        assert!(futures_util::future::join_all(all).await.iter().all(Result::is_err));
        assert_eq!(fetches.load(SeqCst), 1);
        assert_eq!(*cache.get("a", slow(&fetches, Ok(1))).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_entries_make_room() {
        let cache = Cache::new(TTL);
        for key in 0..MOST + 10 {
            cache.get(key, async { Ok(()) }).await.unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let slots = cache.slots.lock().unwrap();
        assert_eq!(slots.len(), MOST);
        assert!(!slots.contains_key(&0) && slots.contains_key(&(MOST + 9)));
    }
}
