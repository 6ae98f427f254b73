//! The calls that wait for the writer. Their number is bounded, so that callers that are faster than the disk wait for it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many calls may wait.
const ROOM: usize = 1024;

/// A queue between the tasks of a runtime, which never block, and one thread, which does.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    room: Arc<Semaphore>,
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<(T, OwnedSemaphorePermit)>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM)),
            waiting: Mutex::new(Waiting { items: VecDeque::new(), closed: false }),
            changed: Condvar::new(),
        }
    }

    /// Adds an item when there is room for it. False if the queue is closed.
    pub(crate) async fn push(&self, item: T) -> bool {
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return false };
        self.add(item, room)
    }

    fn add(&self, item: T, room: OwnedSemaphorePermit) -> bool {
        let mut waiting = self.lock();
        if waiting.closed {
            return false;
        }
        waiting.items.push_back((item, room));
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Adds an item if there is room for it now. False if there is not, or the queue is closed.
    pub(crate) fn offer(&self, item: T) -> bool {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else { return false };
        self.add(item, room)
    }

    /// All waiting items at once. Blocks until there is one, but no longer than `patience`; after that the list is empty.
    /// `None` if the queue is closed and empty.
    pub(crate) fn take(&self, patience: Duration) -> Option<Vec<T>> {
        let waiting = self.lock();
        let (mut waiting, _) = self
            .changed
            .wait_timeout_while(waiting, patience, |waiting| waiting.items.is_empty() && !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.items.is_empty() && waiting.closed {
            return None;
        }
        Some(waiting.items.drain(..).map(|(item, _room)| item).collect())
    }

    /// Accepts no more items. Waiting items can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.changed.notify_one();
    }

    /// Throws away all waiting items.
    pub(crate) fn clear(&self) {
        self.lock().items.clear();
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

    fn futures_pending(future: std::pin::Pin<&mut impl Future<Output = bool>>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        future.poll(&mut context).is_pending()
    }
}
