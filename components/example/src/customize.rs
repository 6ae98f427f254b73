//! What the component needs on the platform.

use circuits::prelude::*;

pub(crate) fn definitions() -> Definitions {
    Definitions::new().destination("example", "Example").rule(Rule::menu_item(
        "Example Action",
        ObjectType::Incident,
        "example",
    ))
}
