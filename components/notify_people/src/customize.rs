//! What the component needs on the platform.

use circuits::definitions::{Definitions, Field, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new()
        .destination("notify", "Notify")
        .activity_field(Field::text("notify_message", "Message"))
        .rule(
            Rule::menu_item("Notify", ObjectType::Incident, "notify")
                .asks_for(["notify_message"])
                .try_with([("notify_message", "Please join the call")]),
        )
}
