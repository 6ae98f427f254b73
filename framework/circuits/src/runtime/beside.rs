//! Tasks that work beside the messages: at the end they are told to stop, and dropped if they do not.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, warn};

/// How long all of them together may take to end after they were told to.
const STOP: Duration = Duration::from_secs(5);

/// Such tasks of one sort.
#[derive(Debug)]
pub(crate) struct Beside {
    /// What they are, for the log.
    what: &'static str,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends those that do not end by themselves.
    abort: CancellationToken,
}

impl Beside {
    /// None yet; `stop` tells them to end.
    pub(crate) fn new(what: &'static str, stop: CancellationToken) -> Self {
        let tasks = TaskTracker::new();
        tasks.close();
        Self { what, tasks, stop, abort: CancellationToken::new() }
    }

    /// Starts one.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static, span: Span) {
        let abort = self.abort.clone();
        let task = async move {
            tokio::select! {
                () = task => {}
                () = abort.cancelled() => {}
            }
        };
        self.tasks.spawn(task.instrument(span));
    }

    /// Tells them to end, and waits until they have, for at most 5 seconds.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP, self.tasks.wait()).await.is_err() {
            warn!("Some {} did not end within {} s and are dropped", self.what, STOP.as_secs());
            self.abort.cancel();
        }
    }
}
