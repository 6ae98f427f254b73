//! Tells what happens to the runner itself: whoever listens, and the outbox for those who must hear of it.

use std::sync::Arc;

use crate::outbox::Outbox;
use crate::signal::{Bus, Facts, Signal};

/// Announces signals that are about no message. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Announcer {
    pub(crate) bus: Bus,
    pub(crate) outbox: Option<Arc<dyn Outbox>>,
}

impl Announcer {
    pub(crate) fn announce<F: Facts + Into<Signal>>(&self, facts: F) {
        if let Some(outbox) = &self.outbox {
            // These structs of text and numbers can always be written as JSON.
            outbox.note(F::KIND, serde_json::to_string(&facts).unwrap_or_default());
        }
        self.bus.emit(F::KIND, || facts);
    }
}
