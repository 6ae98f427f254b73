//! What the component needs on the platform: the field that it writes, and a rule for every change of a task.

use circuits::definitions::{Definitions, Field, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new()
        .destination("next_task_owner", "Next Task Owner")
        .incident_field(Field::text("next_task_owned_by", "Next task owned by"))
        .rule(
            Rule::automatic("Task Changed", ObjectType::Task, "next_task_owner")
                .try_with([("name", "Preserve the evidence")]),
        )
}
