//! What the component needs on the platform.

use circuits::definitions::{Definitions, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new().destination("phase_milestone", "Phase Milestone").rule(
        Rule::automatic("Phase Changed", ObjectType::Incident, "phase_milestone")
            .when_changed("incident.phase_id")
            .try_with([("phase_id", "Respond")]),
    )
}
