//! What the component needs on the platform: the destination, and the rule and the function of the
//! built-in sample. Those of other programs are made on the platform, and send to this destination.

use circuits::definitions::{Definitions, Field, Function, ObjectType, Rule};

pub(crate) fn definitions() -> Definitions {
    let function = Function::new("list_files", "List files", "consumer")
        .description("Attaches a list of the incident's attachments, with their sizes and check sums.")
        .input(Field::number("incident_id", "Incident").required());
    Definitions::new().destination("consumer", "Consumer").function(function).rule(Rule::menu_item(
        "List Files",
        ObjectType::Incident,
        "consumer",
    ))
}
