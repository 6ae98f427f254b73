//! What the component needs on the platform.

use circuits::definitions::{Definitions, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new().destination("forward", "Forward").rule(Rule::menu_item(
        "Forward and wait",
        ObjectType::Incident,
        "forward",
    ))
}
