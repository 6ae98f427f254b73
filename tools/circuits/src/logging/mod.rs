//! The log: to the console and to a file that rolls over by size, one line an event, no secret in any of them.
//!
//! An event is formatted where it happens, with the fields of the spans around it, and handed to a separate thread that
//! hides secrets and writes. No code that handles messages ever waits for a disk or a terminal; [`queue`] describes what
//! happens when they are too slow.

mod file;
mod filter;
mod line;
mod options;
mod queue;
mod writer;

use std::io;
use std::sync::Arc;

use anyhow::Context as _;
use circuits::LogControl;
use circuits::redact::Redactor;
use tracing::Subscriber;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;

pub(crate) use options::LogOptions;

use file::RotatingFile;
use line::Lines;
use queue::Queue;
use writer::{Sink, Writer};

/// Keeps the log running. When it is dropped, the waiting lines are written (within five seconds at most).
pub(crate) struct LogGuard {
    redactor: Redactor,
    queue: Arc<Queue>,
    control: LogControl,
}

impl LogGuard {
    /// The redactor of this log. Secrets that appear later, for instance a session token, are added to it.
    pub(crate) fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }

    /// Tells and changes what is logged.
    pub(crate) fn control(&self) -> &LogControl {
        &self.control
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Starts the log of this process.
///
/// # Errors
///
/// If the log file cannot be written, or a log is already running.
pub(crate) fn init(options: &LogOptions, secrets: &[String]) -> anyhow::Result<LogGuard> {
    let mut sinks = Vec::new();
    if options.console {
        let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        sinks.push(Sink::console(Box::new(io::stderr()), colour));
    }
    let (subscriber, guard) = build(options, secrets, sinks)?;
    tracing::subscriber::set_global_default(subscriber).context("starting the log")?;
    Ok(guard)
}

/// The log as a subscriber, for the process or for a test, with its file added to the sinks.
fn build(
    options: &LogOptions,
    secrets: &[String],
    mut sinks: Vec<Sink>,
) -> anyhow::Result<(impl Subscriber + Send + Sync + use<>, LogGuard)> {
    let file = RotatingFile::open(&options.directory, &options.file, options.max_bytes, options.backups)
        .with_context(|| {
            format!(
                "the log file {} cannot be written; name a directory this user may write to with logdir= or $APP_LOG_DIR",
                options.directory.join(&options.file).display()
            )
        })?;
    sinks.push(Sink::file(file));
    let redactor = Redactor::new(secrets);
    let queue = Arc::new(Queue::default());
    Writer::new(Arc::clone(&queue), redactor.clone(), sinks).start().context("starting the log's thread")?;
    let (filter, handle) = reload::Layer::new(filter::filter(options.level));
    let layer = Lines::new(Arc::clone(&queue)).with_filter(filter);
    // It fails only if the log no longer exists.
    let control = LogControl::new(options.level, move |level| drop(handle.reload(filter::filter(level))));
    Ok((tracing_subscriber::registry().with(layer), LogGuard { redactor, queue, control }))
}

#[cfg(test)]
mod tests;
