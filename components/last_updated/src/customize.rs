//! What the component needs on the platform: the field that it writes, and a rule without conditions, for every change.

use circuits::definitions::{Definitions, Field, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new()
        .destination("last_updated", "Last Updated")
        .incident_field(Field::datetime("last_updated", "Last updated"))
        .rule(
            Rule::automatic("Incident Updated", ObjectType::Incident, "last_updated")
                .try_with([("description", "Two more people opened the attachment.")]),
        )
}
