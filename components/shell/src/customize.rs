//! What the component needs on the platform: the destination, and the rule of the default command. The rules of other
//! commands are made on the platform, and send to this destination.

use circuits::definitions::{Definitions, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new().destination("shell", "Shell").rule(Rule::menu_item(
        "Show Incident",
        ObjectType::Incident,
        "shell",
    ))
}
