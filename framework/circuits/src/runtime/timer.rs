//! Runs the work that components do at intervals.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, error, info_span};

use crate::component::Timer;

/// Runs timers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Timers {
    pub(crate) tasks: TaskTracker,
    /// When cancelled, no new run begins.
    pub(crate) stop: CancellationToken,
    /// When cancelled, running work is ended.
    pub(crate) abort: CancellationToken,
}

impl Timers {
    /// Runs each of these timers of a component until its token is cancelled or the runner stops.
    pub(crate) fn start<'a>(
        &self,
        timers: impl Iterator<Item = (&'static str, &'a Timer, &'a CancellationToken)>,
    ) {
        for (component, timer, replaced) in timers {
            let (this, timer, replaced) = (self.clone(), timer.clone(), replaced.clone());
            let span = info_span!("timer", component);
            self.tasks.spawn(async move { this.run(&timer, &replaced).await }.instrument(span));
        }
    }

    async fn run(&self, timer: &Timer, replaced: &CancellationToken) {
        loop {
            tokio::select! {
                () = replaced.cancelled() => return,
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(timer.period) => {}
            }
            debug!("The timer goes off");
            tokio::select! {
                outcome = AssertUnwindSafe((timer.run)()).catch_unwind() => match outcome {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => error!(error = ?error, "The timed work failed; it is done again after its period"),
                    Err(_) => error!("The timed work panicked; it is done again after its period"),
                },
                () = self.abort.cancelled() => return,
            }
        }
    }
}
