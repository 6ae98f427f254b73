//! A custom field of incidents, as a component defines it.

use serde_json::{Value, json};

/// A custom field of incidents. Its values are below `properties` of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentField {
    name: String,
    text: String,
    input_type: &'static str,
}

impl IncidentField {
    fn new(name: &str, text: &str, input_type: &'static str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), input_type }
    }

    /// One line of text; `name` is the API name, `text` the label.
    pub fn text(name: &str, text: &str) -> Self {
        Self::new(name, text, "text")
    }

    /// Date and time, in milliseconds since 1970 UTC.
    pub fn datetime(name: &str, text: &str) -> Self {
        Self::new(name, text, "datetimepicker")
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "text": self.text,
            "input_type": self.input_type,
            // Custom fields live below this key of the incident; 0 is the platform's type id of incidents.
            "prefix": "properties",
            "type_id": 0,
        })
    }
}
