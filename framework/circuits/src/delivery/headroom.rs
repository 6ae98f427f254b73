//! How many actions of a destination wait without being at work, and a warning when they are all that the broker may send.

use std::sync::atomic::{AtomicU32, Ordering};

use tracing::warn;

/// The waiting actions of one destination.
#[derive(Debug)]
pub(crate) struct Headroom {
    destination: String,
    prefetch: u32,
    waiting: AtomicU32,
}

impl Headroom {
    pub(crate) fn new(destination: &str, prefetch: u32) -> Self {
        Self { destination: destination.to_owned(), prefetch, waiting: AtomicU32::new(0) }
    }

    pub(crate) fn enter(&self) {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        if waiting == self.prefetch {
            warn!(
                destination = self.destination,
                waiting,
                "As many actions wait (in defer, debounce, background, ...) as the broker may send ahead, so nothing new arrives on \
                 this destination until one of them goes on. Raise stomp_prefetch_limit in [resilient]"
            );
        }
    }

    pub(crate) fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
