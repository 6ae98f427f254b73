//! What an operator should know about a configuration that can be used nevertheless.

use std::fmt;

/// A remark on the configuration, to be logged at start. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    severity: Severity,
    text: String,
}

/// How much a [`Warning`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Info,
    /// Probably not what was meant.
    Warning,
}

impl Warning {
    pub(crate) fn info(text: impl Into<String>) -> Self {
        Self { severity: Severity::Info, text: text.into() }
    }

    pub(crate) fn caution(text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into() }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
