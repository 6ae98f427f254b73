//! The one table of settings. From it come the keys, the defaults and what is allowed, the sample file, the help of the command
//! line, `config show`, and the page on configuration of the documentation.

mod broker;
mod events;
mod foreign;
mod handling;
mod integrations;
mod kind;
mod log;
mod platform;
mod render;

pub(crate) use foreign::{COMPONENT, UNUSED};
pub(crate) use kind::Kind;
pub use render::{reference, sample};

/// The environment variable that replaces the default of `logdir`, and is beaten by the file.
pub(crate) const LOG_DIR_VARIABLE: &str = "APP_LOG_DIR";

/// One setting of `[resilient]`: what it is called, may be, is by default, and does.
#[derive(Debug)]
pub struct Key {
    name: &'static str,
    kind: Kind,
    /// As it would stand in app.config. `None`: nothing, or what `same_as` or `otherwise` say.
    default: Option<&'static str>,
    /// Another key whose value is the default of this one.
    same_as: Option<&'static str>,
    /// What holds without a value, in words.
    otherwise: Option<&'static str>,
    /// Environment variable that beats the file.
    env: Option<&'static str>,
    /// Never shown.
    secret: bool,
    /// What the sample file shows instead of the default.
    sample: Option<&'static str>,
    /// Whether the sample file sets it, because everybody has to.
    given: bool,
    /// What it is for: sentences, and indented lines that stay as they are.
    text: &'static str,
}

/// Settings that belong together, under one heading.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) keys: &'static [Key],
}

/// Every setting of `[resilient]`, in the order of the sample file.
pub(crate) const GROUPS: &[Group] = &[
    Group { title: "The platform", keys: platform::KEYS },
    Group { title: "The message broker (STOMP over TLS)", keys: broker::KEYS },
    Group { title: "Handling of messages", keys: handling::KEYS },
    Group { title: "Events and HTTP", keys: events::KEYS },
    Group { title: "Log", keys: log::KEYS },
];

/// The settings of `[integrations]`, which components read.
pub(crate) const INTEGRATIONS: &[Key] = integrations::KEYS;

const fn key(name: &'static str, kind: Kind, text: &'static str) -> Key {
    Key {
        name,
        kind,
        default: None,
        same_as: None,
        otherwise: None,
        env: None,
        secret: false,
        sample: None,
        given: false,
        text,
    }
}

impl Key {
    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    const fn same_as(mut self, other: &'static str) -> Self {
        self.same_as = Some(other);
        self
    }

    const fn otherwise(mut self, words: &'static str) -> Self {
        self.otherwise = Some(words);
        self
    }

    const fn env(mut self, variable: &'static str) -> Self {
        self.env = Some(variable);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn sample(mut self, text: &'static str) -> Self {
        self.sample = Some(text);
        self
    }

    const fn given(mut self, text: &'static str) -> Self {
        self.given = true;
        self.sample(text)
    }

    /// The name, lower-case with `_`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn is_secret(&self) -> bool {
        self.secret
    }

    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) const fn default_text(&self) -> Option<&'static str> {
        self.default
    }

    pub(crate) const fn takes_over(&self) -> Option<&'static str> {
        self.same_as
    }

    pub(crate) const fn variable(&self) -> Option<&'static str> {
        self.env
    }
}

/// Every setting of `[resilient]` that this runner reads, in the order of the sample file.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    GROUPS.iter().flat_map(|group| group.keys)
}

/// The setting of `[resilient]` with this name, if this runner reads it.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name == name)
}

/// Every name that `[resilient]` may hold without a warning.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    keys().map(Key::name).chain(UNUSED.iter().map(|(name, _)| *name))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
