//! app.config, environment and command line as one checked configuration, read exactly as the Python runner reads it.

mod check;
mod error;
mod ini;
mod keys;
mod layers;
mod load;
mod log_level;
mod nearest;
mod secrets;
mod section;
mod settings;
mod values;
mod warning;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use error::{ConfigError, Fault};
pub use load::Sources;
pub use log_level::{LogLevel, UnknownLogLevel};
pub use secrets::is_secret_name;
pub use section::Section;
pub use settings::{ClientAuth, Credentials, Endpoint, Proxy, ReplyMode, Settings, Verify, VirtualHost};
pub use warning::{Severity, Warning};

use section::Entry;

/// The section of the runner itself.
pub(crate) const RESILIENT: &str = "resilient";

/// What a secret looks like wherever a value is shown.
pub(crate) const HIDDEN: &str = "***";

/// A checked configuration.
pub struct Config {
    path: Option<PathBuf>,
    settings: Settings,
    sections: BTreeMap<String, Vec<Entry>>,
    secrets: Vec<String>,
    warnings: Vec<Warning>,
}

/// One effective value, for people to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Section name.
    pub section: String,
    /// Key, lower-cased.
    pub key: String,
    /// The value, `***` if secret, `None` if unset.
    pub value: Option<String>,
    /// `default`, `path:line`, `environment NAME` or `command line`.
    pub origin: String,
}

/// The keys of `[resilient]` that this runner reads, in the order of app.config.example.
pub fn keys() -> impl Iterator<Item = &'static str> {
    keys::KEYS.iter().map(|key| key.name)
}

impl Config {
    /// The app.config that was read; `None` if there was none.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The settings of the runner.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A section, if app.config has it.
    pub fn section(&self, name: &str) -> Option<Section<'_>> {
        let (name, entries) = self.sections.get_key_value(name)?;
        Some(Section::new(name, entries, self.path.as_deref()))
    }

    /// A section, or an empty one of this name.
    pub fn section_or_empty<'a>(&'a self, name: &'a str) -> Section<'a> {
        self.section(name).unwrap_or_else(|| Section::new(name, &[], self.path.as_deref()))
    }

    /// Every effective value by section and key; `[resilient]` with its defaults first.
    pub fn effective(&self) -> Vec<Effective> {
        let mut all: Vec<_> = self.sections.iter().collect();
        all.sort_by_key(|(name, _)| (*name != RESILIENT, *name));
        all.into_iter()
            .flat_map(|(name, entries)| entries.iter().map(|entry| entry.effective(name)))
            .collect()
    }

    /// What an operator should know.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Every secret in it, for a log to hide. Never print this.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("path", &self.path)
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}
