//! The options of the log, taken from the settings.

use std::path::PathBuf;

use circuits::config::{LogLevel, Settings};

/// Where to log, and what.
#[derive(Debug, Clone)]
pub(crate) struct LogOptions {
    pub(super) directory: PathBuf,
    pub(super) file: String,
    pub(super) level: LogLevel,
    /// Zero never rolls over.
    pub(super) max_bytes: u64,
    /// Zero never rolls over.
    pub(super) backups: u32,
    pub(super) console: bool,
}

impl LogOptions {
    /// Console and file as app.config, environment and command line set them.
    pub(crate) fn from_settings(settings: &Settings) -> Self {
        Self {
            directory: settings.logdir.clone(),
            file: settings.logfile.clone(),
            level: settings.loglevel,
            max_bytes: settings.log_max_bytes,
            backups: settings.log_backup_count,
            console: true,
        }
    }

    /// To the file only, for commands that write to the console themselves.
    pub(crate) fn without_console(self) -> Self {
        Self { console: false, ..self }
    }
}
