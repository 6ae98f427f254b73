//! The journal's thread, as long as anybody may have something to write: the journal and its outbox.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::queue::Queue;
use crate::store::Call;
use crate::writer::{Answer, Request};

/// The way to the thread. Dropping the last one waits until every call that was made is in the file, and then releases the
/// file.
#[derive(Debug)]
pub(crate) struct Thread {
    queue: Arc<Queue<Request>>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    pub(crate) fn new(queue: Arc<Queue<Request>>, handle: JoinHandle<()>) -> Self {
        Self { queue, handle: Some(handle) }
    }

    /// Makes a call and waits until it has taken effect.
    pub(crate) async fn call(&self, call: Call) -> Answer {
        let (answer, answered) = oneshot::channel();
        let ended = || circuits::Error::new("the journal's thread has ended; restart the runner");
        if !self.queue.push(Request { call, answer }).await {
            return Err(ended());
        }
        answered.await.map_err(|_| ended())?
    }

    /// Makes a call for whose answer nobody waits, if there is room for it.
    pub(crate) fn offer(&self, call: Call) -> bool {
        let (answer, _) = oneshot::channel();
        self.queue.offer(Request { call, answer })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(handle) = self.handle.take() {
            // If it panicked, that was printed, and there is nothing left to wait for.
            let _ = handle.join();
        }
    }
}
