//! The level of the log, for those who change it while the runner runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::LogLevel;

/// Tells and changes what is logged. Whoever writes the log makes it; see [`Runner::log_control`](crate::Runner::log_control).
/// Cheap to clone.
#[derive(Clone)]
pub struct LogControl {
    level: Arc<Mutex<LogLevel>>,
    apply: Arc<dyn Fn(LogLevel) + Send + Sync>,
}

impl LogControl {
    /// For a log that writes what `level` lets through, and for which `apply` changes that.
    pub fn new(level: LogLevel, apply: impl Fn(LogLevel) + Send + Sync + 'static) -> Self {
        Self { level: Arc::new(Mutex::new(level)), apply: Arc::new(apply) }
    }

    /// The level at the moment.
    pub fn level(&self) -> LogLevel {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it until the process ends or somebody changes it again.
    pub fn set(&self, level: LogLevel) {
        // Held meanwhile, so that what is told is what the log does.
        let mut now = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        (self.apply)(level);
        *now = level;
    }
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogControl").field("level", &self.level()).finish_non_exhaustive()
    }
}
