//! A section of app.config, key by key or as a struct of a component's own.

use std::path::Path;

use serde::de::{DeserializeOwned, value};

use super::{ConfigError, Effective, Fault, HIDDEN, de, nearest, values};

/// One value of a section.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Secrets put in; `None` for a key that is not set.
    pub(super) text: Option<String>,
    pub(super) origin: String,
    /// Never shown.
    pub(super) hidden: bool,
}

impl Entry {
    pub(super) fn shown(&self) -> String {
        if self.hidden { HIDDEN.to_owned() } else { values::shown(self.text.as_deref().unwrap_or_default()) }
    }

    pub(super) fn effective(&self, section: &str) -> Effective {
        let hide = |text: &String| if self.hidden && !text.is_empty() { HIDDEN.to_owned() } else { text.clone() };
        Effective {
            section: section.to_owned(),
            key: self.key.clone(),
            value: self.text.as_ref().map(hide),
            origin: self.origin.clone(),
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {} ({})", self.key, self.shown(), self.origin)
    }
}

/// A section of app.config, secrets resolved.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    name: &'a str,
    entries: &'a [Entry],
    path: Option<&'a Path>,
}

impl<'a> Section<'a> {
    pub(super) fn new(name: &'a str, entries: &'a [Entry], path: Option<&'a Path>) -> Self {
        Self { name, entries, path }
    }

    /// The value of a key (lower case), with its secrets put in. Whether it was set: see [`is_set`](Self::is_set).
    pub fn get(&self, key: &str) -> Option<String> {
        self.entries.iter().find(|entry| entry.key == key)?.text.clone()
    }

    /// Whether the key was set, in whatever way, rather than left at its default.
    pub fn is_set(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key && !entry.origin.starts_with("default"))
    }

    /// The section as a struct: numbers and booleans are read from their texts, lists are separated by commas, and an empty
    /// value of an `Option` is `None`.
    ///
    /// # Errors
    /// Names section, key, file and line of what is missing or unfit.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(de::Fields::new(self.entries)).map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &value::Error) -> ConfigError {
        let place = self.path.map(|path| path.display().to_string()).unwrap_or_default();
        let text = error.to_string();
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        let cause = match missing {
            Some(key) => {
                let hint = nearest::hint(key, self.entries.iter().map(|entry| entry.key.as_str()));
                format!("`{key}` is mandatory and is not set; add it to the section{hint}")
            }
            None => text.clone(),
        };
        ConfigError::new(vec![Fault::new(&place, self.name, missing.unwrap_or_default(), cause)])
    }
}
