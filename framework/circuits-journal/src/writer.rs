//! The thread that owns the file. It commits all calls that wait together, answers them, and tidies up in between.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::ErrorCode;
use tokio::sync::oneshot;

use crate::error::in_use;
use crate::lock::Lock;
use crate::outbox::Shared;
use crate::queue::Queue;
use crate::retention::Retention;
use crate::schema::JOURNAL;
use crate::store::{Call, Store, Told};

/// How often it looks for something to tidy up when nothing else happens.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) type Answer = circuits::Result<Told>;

/// A call, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) call: Call,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The state that the thread works on.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
    pub(crate) retention: Retention,
    pub(crate) queue: Arc<Queue<Request>>,
    pub(crate) outbox: Arc<Shared>,
    /// Dropped last: the file is closed before another process may have it.
    pub(crate) lock: Lock,
}

/// Makes sure that nobody waits for a thread that is gone, even after a panic.
struct Closing(Arc<Queue<Request>>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
        self.0.clear();
    }
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let _closing = Closing(Arc::clone(&self.queue));
        while let Some(requests) = self.queue.take(self.retention.patience(IDLE)) {
            self.commit(requests);
            self.retention.step(&mut self.store, &self.path);
        }
        let Self { store, lock, .. } = self;
        drop(store);
        drop(lock);
    }

    fn commit(&mut self, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        match self.store.commit(requests.iter().map(|request| &request.call), &self.outbox) {
            Ok(told) => {
                self.outbox.committed();
                for (request, told) in requests.into_iter().zip(told) {
                    respond(request.answer, Ok(told));
                }
            }
            // Each on its own: a large message that does not fit on a full disk must not fail a result that does. Only a lock
            // keeps out all of them, after a wait.
            Err(error)
                if requests.len() > 1 && error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) =>
            {
                for request in requests {
                    self.commit(vec![request]);
                }
            }
            Err(error) => {
                for request in requests {
                    respond(request.answer, Err(in_use(&self.path, &JOURNAL, &error)));
                }
            }
        }
    }
}

/// Sends an answer; if its caller has stopped waiting, nobody needs it.
fn respond(to: oneshot::Sender<Answer>, answer: Answer) {
    let _ = to.send(answer);
}
