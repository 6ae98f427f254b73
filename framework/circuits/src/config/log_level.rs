//! Log levels by the names operators know from Python, by Rust's, and by number.

use std::fmt;
use std::str::FromStr;

/// What is logged: this level and everything above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything, wire traffic included (also 1 to 9).
    Trace,
    /// What a developer wants to see (also 10).
    Debug,
    /// What an operator wants to see (also 20).
    Info,
    /// What may need attention (also 30, `WARN`).
    Warning,
    /// What needs attention (also 40).
    Error,
    /// Python's level above ERROR (also 50, `FATAL`); errors are the most severe here, so these are still written.
    Critical,
}

impl LogLevel {
    /// The names that are accepted, for messages.
    pub const NAMES: &'static str =
        "DEBUG, INFO, WARNING, ERROR, CRITICAL (or TRACE, or a number from 1 to 50)";
}

/// A text that names no log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownLogLevel;

impl fmt::Display for UnknownLogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be one of {}", LogLevel::NAMES)
    }
}

impl std::error::Error for UnknownLogLevel {}

impl FromStr for LogLevel {
    type Err = UnknownLogLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        Ok(match text.to_ascii_uppercase().as_str() {
            "TRACE" => Self::Trace,
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARNING" | "WARN" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" | "FATAL" => Self::Critical,
            // A number lets through what is at least as severe, so one between two levels means the upper one.
            _ => match text.parse::<u8>() {
                Ok(1..=9) => Self::Trace,
                Ok(10) => Self::Debug,
                Ok(11..=20) => Self::Info,
                Ok(21..=30) => Self::Warning,
                Ok(31..=40) => Self::Error,
                Ok(41..=50) => Self::Critical,
                _ => return Err(UnknownLogLevel),
            },
        })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, level) in [
            ("INFO", LogLevel::Info),
            (" debug ", LogLevel::Debug),
            ("Warn", LogLevel::Warning),
            ("WARNING", LogLevel::Warning),
            ("FATAL", LogLevel::Critical),
            ("5", LogLevel::Trace),
            ("10", LogLevel::Debug),
            ("15", LogLevel::Info),
            ("30", LogLevel::Warning),
            ("50", LogLevel::Critical),
        ] {
            assert_eq!(text.parse(), Ok(level), "{text}");
        }
        for text in ["", "verbose", "0", "51", "-10"] {
            assert_eq!(text.parse::<LogLevel>(), Err(UnknownLogLevel), "{text}");
        }
    }
}
