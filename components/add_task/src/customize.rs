//! What the component needs on the platform: the menu item and the fields of its dialog.

use circuits::definitions::{Definitions, Field, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new()
        .destination("add_task", "Add Task")
        .activity_field(Field::text("task_name", "Task name").required())
        .activity_field(
            Field::select("task_phase", "Phase", ["Engage", "Detect/Analyze", "Respond", "Post-Incident"])
                .required(),
        )
        .activity_field(Field::textarea("task_instructions", "Instructions"))
        .rule(
            Rule::menu_item("Add Task", ObjectType::Incident, "add_task")
                .asks_for(["task_name", "task_instructions", "task_phase"])
                .try_with([("task_name", "Call the owner"), ("task_phase", "Engage")]),
        )
}
