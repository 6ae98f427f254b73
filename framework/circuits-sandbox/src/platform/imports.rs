//! Imports that were posted and not yet accepted or rejected.
use std::collections::HashMap;

use serde_json::Value;

use super::ids::Ids;

/// The exports by the number of their import.
pub(crate) struct Imports {
    pending: HashMap<i64, Value>,
    ids: Ids,
}

impl Imports {
    pub(super) fn new(ids: Ids) -> Self {
        Self { pending: HashMap::new(), ids }
    }

    /// Keeps an export; returns the number of its import.
    pub(crate) fn begin(&mut self, export: Value) -> i64 {
        let id = self.ids.next();
        self.pending.insert(id, export);
        id
    }

    /// Removes an import that is now decided, and returns its export.
    pub(crate) fn take(&mut self, id: i64) -> Option<Value> {
        self.pending.remove(&id)
    }
}
