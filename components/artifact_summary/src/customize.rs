//! What the component needs on the platform: the function, and a menu item whose workflow calls it and writes a note.

use circuits::definitions::{Definitions, Field, Function, FunctionCall, ObjectType, Rule, Workflow};

/// The post-processing script of the workflow.
const NOTE: &str = "incident.addNote('There are {} artifacts'.format(results.total))";

pub(crate) fn definitions() -> Definitions {
    let function = Function::new("artifact_summary", "Artifact summary", "artifact_summary")
        .description("Counts the artifacts of an incident by type.")
        .input(Field::number("incident_id", "Incident").required())
        .input(Field::text("artifact_type", "Artifact type").tooltip("Counts artifacts of this type only"));
    let call = FunctionCall::new("artifact_summary").before("inputs.incident_id = incident.id").after(NOTE);
    Definitions::new()
        .destination("artifact_summary", "Artifact Summary")
        .function(function)
        .workflow(Workflow::new("artifact_summary", "Summarise artifacts", ObjectType::Incident).call(call))
        .rule(Rule::starts("Summarise Artifacts", ObjectType::Incident, "artifact_summary"))
}
