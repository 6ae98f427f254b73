//! Which message destinations are paused: on those, nothing begins and nothing that waits goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{Mutex, watch};

/// That a destination is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Since when.
    pub since: SystemTime,
    /// Who asked for it: the name of an account.
    pub by: String,
}

/// The paused destinations, by their programmatic names. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pauses {
    all: Arc<watch::Sender<BTreeMap<String, Paused>>>,
    /// One change at a time, so that what is stored of them ends as they do.
    pub(crate) changing: Arc<Mutex<()>>,
}

impl Pauses {
    /// Whether the destination is paused.
    pub(crate) fn hold(&self, destination: &str) -> bool {
        self.all.borrow().contains_key(destination)
    }

    /// All of them.
    pub(crate) fn all(&self) -> BTreeMap<String, Paused> {
        self.all.borrow().clone()
    }

    /// Pauses a destination, unless it is paused already.
    pub(crate) fn pause(&self, destination: &str, paused: Paused) {
        self.all.send_modify(|all| {
            all.entry(destination.to_owned()).or_insert(paused);
        });
    }

    /// Lets a destination go on.
    pub(crate) fn resume(&self, destination: &str) {
        self.all.send_modify(|all| drop(all.remove(destination)));
    }

    /// Resolves when the destination is not paused.
    pub(crate) async fn over(&self, destination: &str) {
        if self.hold(destination) {
            // The sender lives as long as this does.
            let _ = self.all.subscribe().wait_for(|all| !all.contains_key(destination)).await;
        }
    }
}
