//! The objects that a component defines, by kind and name.

use circuits::Result;
use circuits::definitions::{Definitions, FieldsOf};

use crate::export::Export;

/// An object that a component defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The name of its kind for people: `rule`, `message destination`, ...
    pub kind: String,
    /// Its API name, or its display name if it has no API name.
    pub name: String,
}

/// All objects, including those in exports.
///
/// # Errors
/// When an export cannot be used; the error says why.
pub fn objects(definitions: &Definitions) -> Result<Vec<Object>> {
    let mut all = Vec::new();
    let mut add = |kind: &str, name: &str| {
        let object = Object { kind: kind.to_owned(), name: name.to_owned() };
        // Functions may share an input.
        if !all.contains(&object) {
            all.push(object);
        }
    };
    definitions.destinations().iter().for_each(|one| add("message destination", one.programmatic_name()));
    definitions.activity_fields().iter().for_each(|one| add(FieldsOf::Activity.kind(), one.name()));
    definitions.incident_fields().iter().for_each(|one| add(FieldsOf::Incident.kind(), one.name()));
    definitions.data_tables().iter().for_each(|one| add("data table", one.name()));
    for function in definitions.functions() {
        function.inputs().iter().for_each(|one| add(FieldsOf::Function.kind(), one.name()));
        add("function", function.name());
    }
    definitions.scripts().iter().for_each(|one| add("script", one.name()));
    definitions.workflows().iter().for_each(|one| add("workflow", one.name()));
    definitions.playbooks().iter().for_each(|one| add("playbook", one.name()));
    definitions.rules().iter().for_each(|one| add("rule", one.name()));
    for bytes in definitions.exports() {
        Export::read(bytes)?.all().iter().for_each(|(kind, name)| add(kind, name));
    }
    Ok(all)
}
