//! app.config, read as the platform's Python runner reads it: default < file < environment < command line.
//!
//! [`Config::load`] finds the file, lays the layers over each other, replaces `$NAME` and `${NAME}` by environment
//! variables and checks every value of `[resilient]`. The result is typed [`Settings`] for the runner and one
//! [`Section`] per component. Every value remembers its origin ([`Config::effective`]), and every secret is known
//! ([`Config::secrets`]), so that it can be kept out of logs.

mod de;
mod endpoint;
mod error;
mod host;
mod ini;
mod layers;
mod load;
mod locate;
mod log_level;
mod nearest;
mod read;
mod secrets;
mod section;
mod settings;
mod table;
mod values;
mod warning;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

pub use endpoint::Endpoint;
pub use error::{ConfigError, Fault};
pub use locate::Sources;
pub use log_level::{LogLevel, UnknownLogLevel};
pub(crate) use nearest::hint;
pub use nearest::nearest;
use section::Entry;
pub use section::Section;
pub use settings::{ClientAuth, Credentials, Proxy, ReplyMode, Settings, Verify, VirtualHost};
pub use table::{Key, keys, reference, sample};
pub use warning::{Severity, Warning};

/// A configuration that has been read and checked. Cheap enough to clone once per component.
#[derive(Clone)]
pub struct Config {
    file: Option<PathBuf>,
    settings: Settings,
    sections: Vec<Section>,
    warnings: Vec<Warning>,
    secrets: Vec<String>,
}

/// One value as it is in force, for people: secrets are `***`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Section name.
    pub section: String,
    /// Key, lower-case.
    pub key: String,
    /// The value, `***` if it is a secret, or `None` if nothing sets it.
    pub value: Option<String>,
    /// `default`, `path:line`, `environment NAME` or `command line`.
    pub origin: String,
}

/// The names of the sections that a text of app.config has, in file order; what cannot be read of it is passed over.
pub fn section_names(text: &str) -> Vec<String> {
    ini::Ini::parse(text).0.sections.into_iter().map(|section| section.name).collect()
}

impl Config {
    /// The configuration as far as it can be read, and everything that is wrong with it.
    pub(crate) fn examine(sources: &Sources) -> (Option<Self>, Vec<Fault>) {
        load::examine(sources)
    }

    /// Finds, reads and checks a configuration.
    ///
    /// The file is `sources.config_file`, else `$APP_CONFIG_FILE`, else `app.config` in the working directory, else
    /// `~/.resilient/app.config`. Without any of them the environment and the command line must suffice.
    ///
    /// # Errors
    ///
    /// All faults at once: a named file that cannot be read, lines that are not INI, values out of their range, a missing
    /// host or missing credentials, unknown keys on the command line.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        load::load(&sources)
    }

    /// Reads a text as if it were app.config, with an empty environment.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn from_text(text: &str) -> Result<Self, ConfigError> {
        load::from_text(text)
    }

    /// The file that was read, if there was one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The runner's own settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A section by its exact name. `[resilient]` always exists and includes its defaults.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// A section by its exact name, or one without keys whose errors say where to add it.
    pub fn section_or_empty(&self, name: &str) -> Section {
        self.section(name).cloned().unwrap_or_else(|| Section {
            name: name.to_owned(),
            origin: self.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default(),
            present: false,
            entries: Vec::new(),
        })
    }

    /// The platform that another section describes with keys as in `[resilient]` (`host`, `org`, `api_key_id`, `cafile`, ...;
    /// the environment has no say), among keys of its own.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub(crate) fn platform(&self, section: &str) -> Result<Self, ConfigError> {
        load::from_section(&self.section_or_empty(section))
    }

    /// All sections: `[resilient]` first, the others in file order.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter()
    }

    /// Every value in force with its origin, secrets as `***`.
    pub fn effective(&self) -> Vec<Effective> {
        let entries = self
            .sections
            .iter()
            .flat_map(|section| section.entries.iter().map(move |entry| (section, entry)));
        entries
            .map(|(section, entry)| {
                let (value, origin) = self.in_force(section, entry);
                Effective { section: section.name.clone(), key: entry.key.clone(), value, origin }
            })
            .collect()
    }

    /// The value for eyes and its origin; where it follows from other keys or is corrected, what the runner goes by.
    fn in_force(&self, section: &Section, entry: &Entry) -> (Option<String>, String) {
        let (value, origin, settings) = (entry.shown(), entry.origin.clone(), &self.settings);
        match (section.name.as_str(), entry.key.as_str(), &value) {
            (layers::RESILIENT, "stomp_prefetch_limit", None) => {
                let [working, waiting] = [false, true].map(|waits| settings.prefetch(waits).to_string());
                (
                    Some(working),
                    format!("{origin} ({waiting} for a destination whose handlers let messages wait)"),
                )
            }
            (layers::RESILIENT, "journal", None) => {
                (settings.journal.as_ref().map(|path| path.display().to_string()), origin)
            }
            (layers::RESILIENT, "store", None) => (Some(settings.store.clone()), origin),
            (layers::RESILIENT, "store_file", None) => {
                (Some(settings.store_file.display().to_string()), origin)
            }
            (layers::RESILIENT, "stomp_timeout", Some(given)) => {
                let seconds = settings.stomp_timeout.as_secs().to_string();
                let origin =
                    if *given == seconds { origin } else { format!("{origin} (raised from {given})") };
                (Some(seconds), origin)
            }
            _ => (value, origin),
        }
    }

    /// The sections and keys that differ in value between this configuration and `other`, sorted. A key that was added or removed
    /// differs.
    pub(crate) fn changes(&self, other: &Self) -> Vec<(String, String)> {
        let values = |config: &Self| -> BTreeMap<(String, String), Option<String>> {
            let entries = config
                .sections
                .iter()
                .flat_map(|section| section.entries.iter().map(move |entry| (section, entry)));
            entries
                .map(|(section, entry)| ((section.name.clone(), entry.key.clone()), entry.value.clone()))
                .collect()
        };
        let (old, new) = (values(self), values(other));
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        keys.into_iter().filter(|key| old.get(*key) != new.get(*key)).cloned().collect()
    }

    /// What an operator should know, to be logged at start.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Every secret text: what must never be printed or logged. Contains no empty texts.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("file", &self.file)
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod readers_tests;
#[cfg(test)]
mod tests;
