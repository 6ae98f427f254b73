//! What the component needs on the platform.

use circuits::definitions::{Definitions, Field};

/// The incident field that says what an incident's webhooks are about.
pub(crate) const FIELD: &str = "webhook_key";

pub(crate) fn definitions() -> Definitions {
    Definitions::new().incident_field(Field::text(FIELD, "Webhook key").tooltip(
        "What the webhooks are about that update this incident. Without it the next one opens another.",
    ))
}
