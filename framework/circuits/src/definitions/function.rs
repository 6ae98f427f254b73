//! Functions, which workflows and playbooks call, and data tables of incidents.

use serde_json::{Map, Value, json};

use super::field::{Field, FieldsOf};

/// A function that a component handles ([`Builder::function`](crate::Builder::function)).
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    name: String,
    display_name: String,
    destination: String,
    description: String,
    inputs: Vec<Field>,
}

impl Function {
    /// A function with this API name and the name people see, which sends to the destination of this programmatic name.
    pub fn new(name: &str, display_name: &str, destination: &str) -> Self {
        Self {
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            destination: destination.to_owned(),
            description: String::new(),
            inputs: Vec::new(),
        }
    }

    /// A description of what it does, for people who use it in workflows.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        text.clone_into(&mut self.description);
        self
    }

    /// An input. All functions of a platform share one set of input fields: each name belongs to one field.
    #[must_use]
    pub fn input(mut self, field: Field) -> Self {
        self.inputs.push(field);
        self
    }

    /// The API name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The programmatic name of the message destination it sends to.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// The inputs.
    pub fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    /// The function as JSON for the platform's API; `uuid` returns the uuid of an input field.
    pub fn to_json(&self, uuid: impl Fn(&str) -> Value) -> Value {
        let items = self.inputs.iter().map(|field| {
            json!({"element": "field_uuid", "field_type": "__function", "content": uuid(field.name()), "show_if": null})
        });
        json!({
            "name": self.name,
            "display_name": self.display_name,
            "destination_handle": self.destination,
            "description": {"format": "text", "content": self.description},
            "view_items": items.collect::<Vec<_>>(),
        })
    }
}

/// A data table of incidents.
#[derive(Clone, Debug, PartialEq)]
pub struct DataTable {
    name: String,
    display_name: String,
    columns: Vec<Field>,
}

impl DataTable {
    /// A table with this API name and the name people see.
    pub fn new(name: &str, display_name: &str) -> Self {
        Self { name: name.to_owned(), display_name: display_name.to_owned(), columns: Vec::new() }
    }

    /// A column, to the right of those before.
    #[must_use]
    pub fn column(mut self, field: Field) -> Self {
        self.columns.push(field);
        self
    }

    /// The API name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns as JSON for the platform's API, from left to right.
    pub fn columns(&self) -> impl Iterator<Item = Value> {
        self.columns.iter().enumerate().map(|(order, column)| {
            let mut column = column.to_json(FieldsOf::Table);
            column["order"] = json!(order);
            column
        })
    }

    /// The table as JSON for the platform's API.
    pub fn to_json(&self) -> Value {
        let named =
            self.columns().map(|column| (column["name"].as_str().unwrap_or_default().to_owned(), column));
        json!({
            "type_name": self.name,
            "display_name": self.display_name,
            // 8 is the platform's type id of data tables.
            "type_id": 8,
            "parent_types": ["incident"],
            "fields": named.collect::<Map<_, _>>(),
        })
    }
}
