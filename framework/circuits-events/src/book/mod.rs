//! What is known of events, of their deliveries and of subscriptions, in the runner's store; the same for the runner and for
//! commands beside it.

mod delivery;
mod events;
mod subscriptions;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use circuits::store::Store;

pub use delivery::{Attempted, Delivery, DeliveryState};
pub(crate) use events::Addressed;
pub use events::StoredEvent;

/// The tables of events, deliveries and subscriptions. Cheap to clone.
#[derive(Clone)]
pub struct Book {
    store: Arc<dyn Store>,
    /// The targets that are stored already.
    targets: Arc<Mutex<HashSet<String>>>,
}

impl Book {
    /// The book in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, targets: Arc::default() }
    }
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").finish_non_exhaustive()
    }
}
