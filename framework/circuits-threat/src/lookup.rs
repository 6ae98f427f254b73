//! What a handler says about an artifact: hits, none, or that it does not know yet.

use crate::Hit;

/// The result of looking an artifact up.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    pub(crate) hits: Vec<Hit>,
    pub(crate) complete: bool,
}

impl Lookup {
    /// There is nothing about the artifact.
    pub fn none() -> Self {
        Self::hits([])
    }

    /// These are all hits.
    pub fn hits(hits: impl IntoIterator<Item = Hit>) -> Self {
        Self { hits: hits.into_iter().collect(), complete: true }
    }

    /// The result is not known yet, for instance because a sandbox still runs the file. The platform asks again after
    /// `later_retry_secs`, `max_retries` times at most, and each time the handler is called again.
    pub fn not_yet() -> Self {
        Self { hits: Vec::new(), complete: false }
    }

    /// Hits that are known before the whole result is: `Lookup::not_yet().so_far([hit])`.
    #[must_use]
    pub fn so_far(mut self, hits: impl IntoIterator<Item = Hit>) -> Self {
        self.hits.extend(hits);
        self
    }

    /// The hits.
    pub fn found(&self) -> &[Hit] {
        &self.hits
    }

    /// Whether this is the whole result.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

impl From<Hit> for Lookup {
    fn from(hit: Hit) -> Self {
        Self::hits([hit])
    }
}

impl From<Vec<Hit>> for Lookup {
    fn from(hits: Vec<Hit>) -> Self {
        Self { hits, complete: true }
    }
}
