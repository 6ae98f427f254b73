//! A submitted action, and its outcome.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use circuits::recording::Message;
use serde_json::Value;

use crate::exit::Ended;

/// An action to be submitted.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The programmatic name of the message destination.
    pub(crate) destination: String,
    /// The JSON.
    pub(crate) body: String,
    /// Recorded headers; only a broker uses them.
    pub(crate) headers: Vec<(String, String)>,
}

impl Order {
    pub(crate) fn new(destination: &str, body: &str) -> Self {
        Self { destination: destination.to_owned(), body: body.to_owned(), headers: Vec::new() }
    }

    /// Reads a file, and its recorded headers if they are beside it.
    pub(crate) fn read(destination: &str, path: &Path) -> anyhow::Result<Self> {
        let body = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let headers = match Message::at(path) {
            Some(message) => message.headers().map_err(anyhow::Error::msg)?,
            None => Vec::new(),
        };
        Ok(Self { headers, ..Self::new(destination, &body) })
    }
}

/// The outcome of an action.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) ended: Ended,
    /// Interim statuses.
    pub(crate) statuses: Vec<Value>,
    /// The final reply.
    pub(crate) reply: Option<Value>,
    /// Why there is no final reply.
    pub(crate) problem: Option<String>,
    /// From submission to the final reply.
    pub(crate) took: Duration,
}
