//! What a component needs on the platform (message destinations, fields, rules), and how it gets there.

mod deploy;
mod difference;
mod export;
mod incident_field;
mod plan;

use serde_json::{Value, json};

pub use deploy::{Deployed, deploy};
pub use difference::Difference;
pub use export::read_export;
pub use incident_field::IncidentField;
pub use plan::{Change, Plan, plan};

use crate::message::ObjectType;

/// The platform objects of one component, built in code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    pub(crate) destinations: Vec<Destination>,
    pub(crate) fields: Vec<ActivityField>,
    pub(crate) incident_fields: Vec<IncidentField>,
    pub(crate) rules: Vec<Rule>,
    /// Exports as they were given; read when a plan is made.
    pub(crate) exports: Vec<&'static [u8]>,
}

impl Definitions {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A queue that expects an acknowledgement, by its programmatic name and the name people see.
    #[must_use]
    pub fn destination(mut self, programmatic_name: &str, name: &str) -> Self {
        self.destinations
            .push(Destination { programmatic_name: programmatic_name.to_owned(), name: name.to_owned() });
        self
    }

    /// An activity field that menu-item rules may ask for.
    #[must_use]
    pub fn field(mut self, field: ActivityField) -> Self {
        self.fields.push(field);
        self
    }

    /// A custom field of incidents that the component reads or writes.
    #[must_use]
    pub fn incident_field(mut self, field: IncidentField) -> Self {
        self.incident_fields.push(field);
        self
    }

    /// Everything in an export of a platform: `include_bytes!("export.res")`, or a `.resz`, or base64 of either. It is imported
    /// when the platform lacks anything of it, and what exists there may then be brought to what the export says: the
    /// platform decides.
    #[must_use]
    pub fn export(mut self, bytes: &'static [u8]) -> Self {
        self.exports.push(bytes);
        self
    }

    /// A rule that sends to one of the destinations.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The programmatic names of the message destinations.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.destinations.iter().map(|destination| destination.programmatic_name.as_str())
    }

    /// The API names of the activity fields.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// The API names of the incident fields.
    pub fn incident_fields(&self) -> impl Iterator<Item = &str> {
        self.incident_fields.iter().map(IncidentField::name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The rules, in the order they were added.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Destination {
    pub(crate) programmatic_name: String,
    pub(crate) name: String,
}

impl Destination {
    pub(crate) fn to_json(&self) -> Value {
        // destination_type 0 is a queue (1 would be a topic); expect_ack keeps the action pending until it is answered.
        json!({"programmatic_name": self.programmatic_name, "name": self.name, "destination_type": 0, "expect_ack": true})
    }
}

/// A field of the dialog that a menu-item rule opens.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityField {
    name: String,
    text: String,
    input_type: &'static str,
    required: bool,
    values: Vec<String>,
}

impl ActivityField {
    fn new(name: &str, text: &str, input_type: &'static str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), input_type, required: false, values: Vec::new() }
    }

    /// One line of text; `name` is the API name, `text` the label.
    pub fn text(name: &str, text: &str) -> Self {
        Self::new(name, text, "text")
    }

    /// Rich text.
    pub fn textarea(name: &str, text: &str) -> Self {
        Self::new(name, text, "textarea")
    }

    /// One of these labels.
    pub fn select<'a>(name: &str, text: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        Self { values: values.into_iter().map(str::to_owned).collect(), ..Self::new(name, text, "select") }
    }

    /// The user must fill it in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        let values: Vec<_> = self
            .values
            .iter()
            .map(|label| json!({"label": label, "enabled": true, "hidden": false}))
            .collect();
        json!({
            "name": self.name,
            "text": self.text,
            "input_type": self.input_type,
            "required": if self.required { json!("always") } else { Value::Null },
            "values": values,
            // 6 is the platform's type id of activity fields.
            "type_id": 6,
        })
    }
}

/// A rule: what makes the platform send an action message.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    name: String,
    automatic: bool,
    object: ObjectType,
    destination: String,
    conditions: Vec<Value>,
    fields: Vec<String>,
    samples: Vec<(String, String)>,
}

impl Rule {
    /// A rule in the Actions menu of an object, sending to the destination of this programmatic name.
    pub fn menu_item(name: &str, object: ObjectType, destination: &str) -> Self {
        Self {
            name: name.to_owned(),
            automatic: false,
            object,
            destination: destination.to_owned(),
            conditions: Vec::new(),
            fields: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// A rule that fires by itself when an object is saved and its conditions hold.
    pub fn automatic(name: &str, object: ObjectType, destination: &str) -> Self {
        Self { automatic: true, ..Self::menu_item(name, object, destination) }
    }

    /// A condition of an automatic rule: the field (`incident.properties.custom1`) has changed.
    #[must_use]
    pub fn when_changed(mut self, field: &str) -> Self {
        self.conditions.push(json!({"field_name": field, "method": "changed", "value": null}));
        self
    }

    /// Activity fields that a menu-item rule asks for, by API name, in this order.
    #[must_use]
    pub fn asks_for<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.fields.extend(fields.into_iter().map(str::to_owned));
        self
    }

    /// Values to try the rule with, by API name: what a user would enter in the dialog of a menu item (labels for selects),
    /// or what the incident's fields change to for an automatic rule.
    #[must_use]
    pub fn try_with<'a>(mut self, values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.samples.extend(values.into_iter().map(|(field, value)| (field.to_owned(), value.to_owned())));
        self
    }

    /// Values to try the rule with.
    pub fn samples(&self) -> &[(String, String)] {
        &self.samples
    }

    /// The display name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it fires by itself.
    pub fn is_automatic(&self) -> bool {
        self.automatic
    }

    /// What it runs on.
    pub fn object(&self) -> ObjectType {
        self.object
    }

    /// The programmatic name of the message destination it sends to.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    pub(crate) fn to_json(&self, destination_id: &Value) -> Value {
        let view_items: Vec<_> = self
            .fields
            .iter()
            .map(|field| json!({"element": "field", "field_type": "actioninvocation", "content": field, "show_if": null}))
            .collect();
        json!({
            "name": self.name,
            "type": i32::from(!self.automatic),
            "object_type": self.object.id(),
            "conditions": self.conditions,
            "view_items": view_items,
            "automations": [],
            "logic_type": "all",
            "enabled": true,
            "message_destinations": [destination_id],
        })
    }
}
