//! What the component needs on the platform.

use circuits::definitions::{Definitions, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new().destination("example", "Example").rule(Rule::menu_item(
        "Example Action",
        ObjectType::Incident,
        "example",
    ))
}
