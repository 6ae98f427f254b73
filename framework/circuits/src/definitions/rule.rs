//! Rules as a component defines them.

use serde_json::{Value, json};

use crate::message::ObjectType;

/// A rule: what makes the platform send an action message, or start a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    name: String,
    automatic: bool,
    object: ObjectType,
    /// Without one, the rule only starts workflows.
    destination: Option<String>,
    workflows: Vec<String>,
    conditions: Vec<Value>,
    fields: Vec<String>,
    samples: Vec<(String, String)>,
}

impl Rule {
    fn new(name: &str, automatic: bool, object: ObjectType, destination: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            automatic,
            object,
            destination: destination.map(str::to_owned),
            workflows: Vec::new(),
            conditions: Vec::new(),
            fields: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// A rule in the Actions menu of an object, sending to the destination of this programmatic name.
    pub fn menu_item(name: &str, object: ObjectType, destination: &str) -> Self {
        Self::new(name, false, object, Some(destination))
    }

    /// A rule that fires automatically when an object is saved and its conditions are met.
    pub fn automatic(name: &str, object: ObjectType, destination: &str) -> Self {
        Self::new(name, true, object, Some(destination))
    }

    /// A rule in the Actions menu of an object that starts the workflow of this API name and sends no message itself.
    pub fn starts(name: &str, object: ObjectType, workflow: &str) -> Self {
        Self { workflows: vec![workflow.to_owned()], ..Self::new(name, false, object, None) }
    }

    /// Makes the rule fire automatically.
    #[must_use]
    pub fn by_itself(self) -> Self {
        Self { automatic: true, ..self }
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

    /// Whether it fires automatically.
    pub fn is_automatic(&self) -> bool {
        self.automatic
    }

    /// The type of object it runs on.
    pub fn object(&self) -> ObjectType {
        self.object
    }

    /// The programmatic name of the message destination it sends to, if any.
    pub fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    /// The API names of the workflows it starts.
    pub fn workflows(&self) -> &[String] {
        &self.workflows
    }

    /// The rule as JSON for the platform's API; `id` returns the id of a message destination.
    pub fn to_json(&self, id: impl Fn(&str) -> Value) -> Value {
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
            "message_destinations": self.destination.iter().map(|name| id(name)).collect::<Vec<_>>(),
            "workflows": self.workflows,
        })
    }
}
