//! One section of app.config: its values as text, and as a struct of the component's own.

use std::fmt;

use serde::de::DeserializeOwned;

use super::de;
use super::error::ConfigError;

/// One key of a section.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// After substitution of secrets. `None` is a key of `[resilient]` that nothing sets.
    pub(crate) value: Option<String>,
    /// `default`, `path:line`, `environment NAME` or `command line`.
    pub(crate) origin: String,
    /// Never shown.
    pub(crate) secret: bool,
    /// Comes from `[DEFAULT]`.
    pub(crate) inherited: bool,
    /// The environment variables that the value asks for and that are set to nothing.
    pub(crate) emptied_by: Vec<String>,
}

impl Entry {
    /// Which environment variables left nothing of the value, to go on with in a message.
    pub(crate) fn note(&self) -> String {
        let empty = self.value.as_deref().unwrap_or_default().is_empty();
        match self.emptied_by.as_slice() {
            [] => String::new(),
            _ if !empty => String::new(),
            names => format!(
                "; {} comes from the environment, where {} is set to nothing",
                self.key,
                names.join(" and ")
            ),
        }
    }

    /// The value for eyes: `***` if it is a secret.
    pub(crate) fn shown(&self) -> Option<String> {
        match &self.value {
            Some(value) if self.secret && !value.is_empty() => Some("***".to_owned()),
            value => value.clone(),
        }
    }
}

/// One section of app.config. Keys are lower-case; values are text with `$NAME` and `${NAME}` already replaced.
#[derive(Clone)]
pub struct Section {
    pub(crate) name: String,
    /// Where it stands: `path:line` of the header, or the file in which it was looked for.
    pub(crate) origin: String,
    pub(crate) present: bool,
    pub(crate) entries: Vec<Entry>,
}

impl Section {
    /// The name between the brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the file has this section. An absent one has no keys, and its [`settings`](Self::settings) are all
    /// defaults or an error that says where to add it.
    pub fn is_present(&self) -> bool {
        self.present
    }

    /// The value of a key, by its lower-case name. `None` if it is not set.
    pub fn get(&self, key: &str) -> Option<String> {
        self.entry(key)?.value.clone()
    }

    /// Where the value of a key comes from: `path:line`, `default`, `environment NAME` or `command line`.
    pub fn origin(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| entry.origin.as_str())
    }

    /// The keys that are set, in file order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| entry.value.is_some()).map(|entry| entry.key.as_str())
    }

    /// The section as a struct: texts become numbers, booleans (`1`, `true`, `yes`, `on`), lists (separated by commas) and
    /// unit variants; an empty value is `None` for an `Option`.
    ///
    /// Keys that the framework reads in any section (`queue` and its like) need no field.
    ///
    /// # Errors
    ///
    /// A key that is no field of the struct, a field without a key, a value of the wrong form. Each names file, line,
    /// section, key and what is allowed or near.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        de::from_section(self)
    }

    /// [`Entry::note`] of a key.
    pub(crate) fn note(&self, key: &str) -> String {
        self.entry(key).map(Entry::note).unwrap_or_default()
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] ", self.name)?;
        f.debug_map().entries(self.entries.iter().map(|entry| (&entry.key, entry.shown()))).finish()
    }
}
