//! When to stop: SIGINT (Ctrl-C) or SIGTERM. The second one ends the process at once.

use anyhow::Context as _;

use crate::exit;

/// Starts to listen at once, so that a signal before the first await counts too; resolves on the first one.
pub(crate) fn signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (first, stop) = tokio::sync::oneshot::channel();
    // Use a separate thread and runtime: handlers that block may occupy all of the runner's threads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    let listen = move || {
        runtime.block_on(async move {
            signals.next().await;
            // If nobody listens, the program is already ending.
            let _ = first.send(());
            let code = signals.next().await;
            anstream::eprintln!("Ended at once by a second signal. What was running stays with the broker.");
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
