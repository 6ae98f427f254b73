//! The routing table alone, for benches; not part of any other build.

use std::fmt;

use crate::runtime::routes::Routes;
use crate::{Component, Result};

/// Which handler takes an action.
pub struct Table(Routes);

impl Table {
    /// Joins the components' handlers.
    ///
    /// # Errors
    /// Two components that handle the same rule or function.
    pub fn new(components: &[Component]) -> Result<Self> {
        Routes::new(components.iter().map(|component| ("bench", component))).map(Self)
    }

    /// Whether an action has a handler.
    pub fn finds(&self, destination: &str, rule: &str) -> bool {
        self.0.find(destination, Some(rule)).is_ok()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}
