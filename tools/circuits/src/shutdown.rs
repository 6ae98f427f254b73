//! When to stop: SIGINT (Ctrl-C) or SIGTERM. The second one ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::exit;

/// Signals that follow the first one within this time belong to the same request.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// How long an orderly stop may take beside the grace time of handlers: stopping them, the last flush to the broker, extensions.
const BESIDE_GRACE: Duration = Duration::from_secs(30);

/// The grace time in force (`shutdown_timeout`), which a reload may change. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Grace(Arc<AtomicU64>);

impl Grace {
    pub(crate) fn new(grace: Duration) -> Self {
        Self(Arc::new(AtomicU64::new(grace.as_secs())))
    }

    pub(crate) fn set(&self, grace: Duration) {
        self.0.store(grace.as_secs(), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// Starts to listen at once, so that a signal before the first await counts too; resolves on the first one.
///
/// A process that does not end by itself in time is ended here: handlers that block all threads of the runner also keep its clock
/// from running. `grace` is the time that handlers have; without one the process may take as long as it needs.
pub(crate) fn signal(grace: Option<Grace>) -> anyhow::Result<impl Future<Output = ()>> {
    let (first, stop) = tokio::sync::oneshot::channel();
    // Use a separate thread and runtime: handlers that block may occupy all of the runner's threads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    let listen = move || {
        runtime.block_on(async move {
            let code = signals.next().await;
            // If nobody listens, the program is already ending.
            let _ = first.send(());
            let begun = Instant::now();
            // `timeout` and terminals send one request twice: to the process and to its group.
            let again = async {
                loop {
                    let code = signals.next().await;
                    if begun.elapsed() >= SAME_REQUEST {
                        return code;
                    }
                }
            };
            let late = async {
                match &grace {
                    Some(grace) => tokio::time::sleep(grace.get() + BESIDE_GRACE).await,
                    None => std::future::pending().await,
                }
            };
            let code = tokio::select! {
                code = again => {
                    anstream::eprintln!("Ended at once by a second signal. What was running stays with the broker.");
                    code
                }
                () = late => {
                    anstream::eprintln!(
                        "Ended, because handlers that block their threads kept the runner from stopping. What was running stays with \
                         the broker."
                    );
                    code
                }
            };
            std::process::exit(code.into());
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).context("listening for signals")?;
    Ok(async move {
        if stop.await.is_err() {
            std::future::pending().await
        }
    })
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            terminate: signal(SignalKind::terminate()).context("listening for SIGTERM")?,
        })
    }

    /// Waits for a signal; returns the exit code that shells report for a process ended by it.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => exit::INTERRUPTED,
            _ = self.terminate.recv() => exit::TERMINATED,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
    fn new() -> anyhow::Result<Self> {
        Ok(Self)
    }

    /// Waits for Ctrl-C; returns the exit code of a process ended by it.
    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
        exit::INTERRUPTED
    }
}
