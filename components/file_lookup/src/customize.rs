//! What the component needs on the platform. The rule watches the default `source_field`.

use circuits::definitions::{Definitions, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    Definitions::new().destination("filelookup", "File Lookup").rule(
        Rule::automatic("Lookup Value", ObjectType::Incident, "filelookup")
            .when_changed("incident.properties.custom1")
            .try_with([("custom1", "web-01")]),
    )
}
