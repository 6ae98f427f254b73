//! What is wrong with a configuration: every fault with its place and its cure, in one error.

use std::fmt;

use super::section::Section;
use super::warning::{Severity, Warning};

/// One thing that is wrong, complete in itself: place, section, key, value (`***` if secret) and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `path:line` of the file, `environment NAME` or `command line`; empty where the thing is missing altogether.
    origin: String,
    section: String,
    key: String,
    text: String,
}

impl Fault {
    pub(crate) fn new(origin: &str, section: &str, key: &str, text: impl Into<String>) -> Self {
        Self {
            origin: origin.to_owned(),
            section: section.to_owned(),
            key: key.to_owned(),
            text: text.into(),
        }
    }

    /// Where the value comes from: `path:line`, `environment NAME`, `command line`, or empty if it is missing.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The section, or empty for a fault of the file itself.
    pub fn section(&self) -> &str {
        &self.section
    }

    /// The key, or empty for a fault of a whole section or file.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl ConfigError {
    /// The same faults, found in the keys of this section.
    pub(crate) fn of(mut self, section: &Section) -> Self {
        for fault in &mut self.faults {
            section.name.clone_into(&mut fault.section);
            section.origin(&fault.key).unwrap_or(&section.origin).clone_into(&mut fault.origin);
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.origin.is_empty() {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.section.is_empty() {
            write!(f, "[{}] ", self.section)?;
        }
        f.write_str(&self.text)
    }
}

/// A configuration that cannot be used.
///
/// `Display` lists all faults, one a line, so that an operator can repair them in one go, then what else was noticed. Secret values are never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl ConfigError {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self { faults, warnings: Vec::new() }
    }

    /// With what else was noticed: a misspelt key is often why another one is missing.
    pub(crate) fn with_warnings(self, warnings: Vec<Warning>) -> Self {
        Self { warnings, ..self }
    }

    /// Every fault: first lines that cannot be read, then values that are not allowed, then what is missing.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            [fault] => write!(f, "{fault}")?,
            faults => {
                write!(f, "{} faults in the configuration:", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
            }
        }
        let mut warnings = self.warnings.iter().filter(|warning| warning.severity() == Severity::Warning);
        warnings.try_for_each(|warning| write!(f, "\n  also: {warning}"))
    }
}

impl std::error::Error for ConfigError {}
