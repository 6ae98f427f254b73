//! The calls that wait for the writer. Their number is bounded, so that callers that are faster than the disk wait for it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many calls may wait.
const ROOM: usize = 1024;
/// How many of the others may wait behind them.
const ROOM_BEHIND: usize = 64;
/// How many of these are taken together.
const TAKEN_BEHIND: usize = 8;
/// After how many takings of others one of these has its turn, so that it does not wait for ever.
const PATIENCE: u32 = 8;

/// A queue between the tasks of a runtime, which never block, and one thread, which does.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    room: Arc<Semaphore>,
    room_behind: Arc<Semaphore>,
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<(T, OwnedSemaphorePermit)>,
    /// Taken when there is time.
    behind: VecDeque<(T, OwnedSemaphorePermit)>,
    /// How often others were taken while some stood behind.
    passed_over: u32,
    closed: bool,
}

impl<T> Waiting<T> {
    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.behind.is_empty()
    }
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM)),
            room_behind: Arc::new(Semaphore::new(ROOM_BEHIND)),
            waiting: Mutex::new(Waiting {
                items: VecDeque::new(),
                behind: VecDeque::new(),
                passed_over: 0,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds an item when there is room for it. False if the queue is closed.
    pub(crate) async fn push(&self, item: T) -> bool {
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return false };
        self.add(item, room, |waiting| &mut waiting.items)
    }

    /// Adds an item that is taken when no others wait, or now and then one with them. False if the queue is closed.
    pub(crate) async fn push_behind(&self, item: T) -> bool {
        let Ok(room) = Arc::clone(&self.room_behind).acquire_owned().await else { return false };
        self.add(item, room, |waiting| &mut waiting.behind)
    }

    fn add(
        &self,
        item: T,
        room: OwnedSemaphorePermit,
        which: fn(&mut Waiting<T>) -> &mut VecDeque<(T, OwnedSemaphorePermit)>,
    ) -> bool {
        let mut waiting = self.lock();
        if waiting.closed {
            return false;
        }
        which(&mut waiting).push_back((item, room));
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Adds an item if there is room for it now. False if there is not, or the queue is closed.
    pub(crate) fn offer(&self, item: T) -> bool {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else { return false };
        self.add(item, room, |waiting| &mut waiting.items)
    }

    /// All waiting items at once. Blocks until there is one, but no longer than `patience`; after that the list is empty.
    /// `None` if the queue is closed and empty.
    pub(crate) fn take(&self, patience: Duration) -> Option<Vec<T>> {
        let waiting = self.lock();
        let (mut waiting, _) = self
            .changed
            .wait_timeout_while(waiting, patience, |waiting| waiting.is_empty() && !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() && waiting.closed {
            return None;
        }
        let mut taken: Vec<_> = waiting.items.drain(..).map(|(item, _room)| item).collect();
        if taken.is_empty() || waiting.passed_over >= PATIENCE {
            let most = if taken.is_empty() { TAKEN_BEHIND } else { 1 };
            let behind = most.min(waiting.behind.len());
            taken.extend(waiting.behind.drain(..behind).map(|(item, _room)| item));
            waiting.passed_over = 0;
        } else if !waiting.behind.is_empty() {
            waiting.passed_over += 1;
        }
        Some(taken)
    }

    /// Accepts no more items. Waiting items can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.room_behind.close();
        self.changed.notify_one();
    }

    /// Throws away all waiting items.
    pub(crate) fn clear(&self) {
        let mut waiting = self.lock();
        waiting.items.clear();
        waiting.behind.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_is_faster_than_the_writer_waits() {
        let queue = Queue::new();
        for item in 0..ROOM {
            assert!(queue.push(item).await);
        }
        let mut more = std::pin::pin!(queue.push(ROOM));
        assert!(futures_pending(more.as_mut()));
        assert_eq!(queue.take(Duration::ZERO).unwrap().len(), ROOM);
        assert!(more.await);
        queue.close();
        assert!(!queue.push(0).await);
        assert_eq!(queue.take(Duration::ZERO), Some(vec![ROOM]));
        assert_eq!(queue.take(Duration::ZERO), None);
    }

    #[tokio::test]
    async fn what_stands_behind_is_taken_when_no_others_wait_and_now_and_then_with_them() {
        let queue = Queue::new();
        for item in 10..20 {
            assert!(queue.push_behind(item).await);
        }
        for _ in 0..PATIENCE {
            assert!(queue.push(1).await && queue.push(2).await);
            assert_eq!(queue.take(Duration::ZERO).unwrap(), [1, 2]);
        }
        assert!(queue.push(1).await);
        assert_eq!(queue.take(Duration::ZERO).unwrap(), [1, 10]);
        queue.close();
        assert_eq!(queue.take(Duration::ZERO).unwrap(), [11, 12, 13, 14, 15, 16, 17, 18]);
        assert_eq!(queue.take(Duration::ZERO).unwrap(), [19]);
        assert_eq!(queue.take(Duration::ZERO), None);
    }

    fn futures_pending(future: std::pin::Pin<&mut impl Future<Output = bool>>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        future.poll(&mut context).is_pending()
    }
}
