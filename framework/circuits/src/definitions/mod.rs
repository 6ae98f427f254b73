//! What a component needs on the platform: message destinations, fields, data tables, functions, scripts, workflows, playbooks, rules.
//! Plain data; `circuits-deploy` creates the objects on the platform.

mod bpmn;
mod field;
mod function;
mod rule;
mod workflow;

use serde_json::{Value, json};

pub use crate::message::ObjectType;
pub use field::{Field, FieldsOf};
pub use function::{DataTable, Function};
pub use rule::Rule;
pub use workflow::{FunctionCall, Playbook, Script, Workflow};

/// The platform objects of one component, built in code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    destinations: Vec<Destination>,
    activity_fields: Vec<Field>,
    incident_fields: Vec<Field>,
    tables: Vec<DataTable>,
    functions: Vec<Function>,
    scripts: Vec<Script>,
    workflows: Vec<Workflow>,
    playbooks: Vec<Playbook>,
    rules: Vec<Rule>,
    /// Exports as they were given; they are read when a plan is made.
    exports: Vec<&'static [u8]>,
}

impl Definitions {
    /// Definitions of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A queue that expects an acknowledgement, with its programmatic name and the name people see.
    #[must_use]
    pub fn destination(mut self, programmatic_name: &str, name: &str) -> Self {
        self.destinations
            .push(Destination { programmatic_name: programmatic_name.to_owned(), name: name.to_owned() });
        self
    }

    /// A field of dialogs that menu-item rules may ask for.
    #[must_use]
    pub fn activity_field(mut self, field: Field) -> Self {
        self.activity_fields.push(field);
        self
    }

    /// A custom field of incidents that the component reads or writes.
    #[must_use]
    pub fn incident_field(mut self, field: Field) -> Self {
        self.incident_fields.push(field);
        self
    }

    /// A data table of incidents.
    #[must_use]
    pub fn data_table(mut self, table: DataTable) -> Self {
        self.tables.push(table);
        self
    }

    /// A function, with its inputs, that sends to one of the destinations.
    #[must_use]
    pub fn function(mut self, function: Function) -> Self {
        self.functions.push(function);
        self
    }

    /// A script that the platform runs.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.scripts.push(script);
        self
    }

    /// A workflow that calls functions.
    #[must_use]
    pub fn workflow(mut self, workflow: Workflow) -> Self {
        self.workflows.push(workflow);
        self
    }

    /// A playbook that calls functions.
    #[must_use]
    pub fn playbook(mut self, playbook: Playbook) -> Self {
        self.playbooks.push(playbook);
        self
    }

    /// A rule that sends to one of the destinations, or starts one of the workflows.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Everything in an export of a platform: `include_bytes!("export.res")`, or a `.resz`, or base64 of either. It is imported
    /// when the platform lacks anything of it, of whatever kind, and the platform decides whether objects that exist there are
    /// then changed to match the export. Choices that only the platform's fields have are kept.
    ///
    /// A rule, a function, a field or anything else that a component knows by its name counts as present if the platform has one
    /// of that name; any other object, if the platform has one with its `export_key`. Names are compared as they are, including
    /// spaces at their ends.
    #[must_use]
    pub fn export(mut self, bytes: &'static [u8]) -> Self {
        self.exports.push(bytes);
        self
    }

    /// The rules built in code, in the order they were added.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The message destinations built in code.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// The fields of dialogs built in code.
    pub fn activity_fields(&self) -> &[Field] {
        &self.activity_fields
    }

    /// The custom fields of incidents built in code.
    pub fn incident_fields(&self) -> &[Field] {
        &self.incident_fields
    }

    /// The data tables built in code.
    pub fn data_tables(&self) -> &[DataTable] {
        &self.tables
    }

    /// The functions built in code.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The scripts built in code.
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// The workflows built in code.
    pub fn workflows(&self) -> &[Workflow] {
        &self.workflows
    }

    /// The playbooks built in code.
    pub fn playbooks(&self) -> &[Playbook] {
        &self.playbooks
    }

    /// The exports, as they were given.
    pub fn exports(&self) -> &[&'static [u8]] {
        &self.exports
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A queue that expects an acknowledgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    programmatic_name: String,
    name: String,
}

impl Destination {
    /// The name that queues and other objects use.
    pub fn programmatic_name(&self) -> &str {
        &self.programmatic_name
    }

    /// The name people see.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The destination as JSON for the platform's API.
    pub fn to_json(&self) -> Value {
        // destination_type 0 is a queue (1 would be a topic); expect_ack keeps the action pending until it is answered.
        json!({"programmatic_name": self.programmatic_name, "name": self.name, "destination_type": 0, "expect_ack": true})
    }
}
