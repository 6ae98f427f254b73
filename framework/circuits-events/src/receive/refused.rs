//! Why a request with events is not taken: the status of the answer, and what is wrong where.

use std::fmt;

use super::media;

/// A request that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    status: u16,
    text: String,
}

impl Refused {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self { status: 400, text: text.into() }
    }

    pub(super) fn own_type(kind: &str) -> Self {
        let text =
            format!("type: {kind} is for events of the runner itself; types from outside must not begin so");
        Self { status: 403, text }
    }

    pub(super) fn too_large(text: impl Into<String>) -> Self {
        Self { status: 413, text: text.into() }
    }

    pub(super) fn media_type(essence: &str) -> Self {
        let text = format!(
            "{} holds no event that can be read here; send {}, {} or {}, or the ce- headers of the binary mode",
            crate::subscription::attributes::short(essence),
            media::EVENT,
            media::BATCH,
            media::JSON,
        );
        Self { status: 415, text }
    }

    pub(super) fn in_batch(self, index: usize) -> Self {
        Self { text: format!("Event {} of the batch: {}", index + 1, self.text), ..self }
    }

    /// The status of the answer: 400, 403, 413 or 415.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}
