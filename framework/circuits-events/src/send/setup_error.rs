//! Why a sender or a key for signatures cannot be set up.

use std::error::Error as StdError;
use std::fmt;

/// A sender or a [`SigningKey`](super::SigningKey) cannot be set up. `Display` names the thing, the fault and
/// the cure, and shows no secret.
#[derive(Debug)]
pub struct SetupError {
    text: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl SetupError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), source: None }
    }

    pub(crate) fn source_is(self, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..self }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for SetupError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
