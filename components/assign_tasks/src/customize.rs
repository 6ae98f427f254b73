//! What the component needs on the platform: the menu item and the fields of its dialog.

use circuits::definitions::{Definitions, Field, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new()
        .destination("assign_tasks", "Assign Tasks")
        // Activity fields cannot offer a list of users.
        .activity_field(Field::text("assign_to", "Assign to (name or e-mail, empty: me)"))
        .activity_field(Field::select(
            "assign_phase",
            "Only tasks of this phase",
            ["Engage", "Detect/Analyze", "Respond", "Post-Incident"],
        ))
        .rule(
            Rule::menu_item("Assign Tasks", ObjectType::Incident, "assign_tasks")
                .asks_for(["assign_to", "assign_phase"])
                .try_with([("assign_to", "Alex Analyst"), ("assign_phase", "Engage")]),
        )
}
