//! What the component needs on the platform: the menu item and the fields of its dialog.

use circuits::prelude::*;

pub(crate) fn definitions() -> Definitions {
    Definitions::new()
        .destination("add_task", "Add Task")
        .field(ActivityField::text("task_name", "Task name").required())
        .field(
            ActivityField::select(
                "task_phase",
                "Phase",
                ["Engage", "Detect/Analyze", "Respond", "Post-Incident"],
            )
            .required(),
        )
        .field(ActivityField::textarea("task_instructions", "Instructions"))
        .rule(
            Rule::menu_item("Add Task", ObjectType::Incident, "add_task")
                .asks_for(["task_name", "task_instructions", "task_phase"])
                .try_with([("task_name", "Call the owner"), ("task_phase", "Engage")]),
        )
}
