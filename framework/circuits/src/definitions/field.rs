//! A field as a component defines it: of incidents, of a rule's dialog, of a function's inputs, or of a data table's columns.

use serde_json::{Map, Value, json};

/// A field by its API name and its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    name: String,
    text: String,
    input_type: &'static str,
    required: bool,
    tooltip: String,
    values: Vec<String>,
}

impl Field {
    fn new(name: &str, text: &str, input_type: &'static str) -> Self {
        let (name, text) = (name.to_owned(), text.to_owned());
        Self { name, text, input_type, required: false, tooltip: String::new(), values: Vec::new() }
    }

    fn choice<'a>(mut self, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.values = values.into_iter().map(str::to_owned).collect();
        self
    }

    /// One line of text; `name` is the API name, `text` the label.
    pub fn text(name: &str, text: &str) -> Self {
        Self::new(name, text, "text")
    }

    /// Rich text.
    pub fn textarea(name: &str, text: &str) -> Self {
        Self::new(name, text, "textarea")
    }

    /// A whole number.
    pub fn number(name: &str, text: &str) -> Self {
        Self::new(name, text, "number")
    }

    /// Yes or no.
    pub fn boolean(name: &str, text: &str) -> Self {
        Self::new(name, text, "boolean")
    }

    /// A date, in milliseconds since 1970 UTC.
    pub fn date(name: &str, text: &str) -> Self {
        Self::new(name, text, "datepicker")
    }

    /// Date and time, in milliseconds since 1970 UTC.
    pub fn datetime(name: &str, text: &str) -> Self {
        Self::new(name, text, "datetimepicker")
    }

    /// One of these labels. `circuits customize` adds labels that the platform's field lacks, and keeps the others that it has.
    pub fn select<'a>(name: &str, text: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(name, text, "select").choice(values)
    }

    /// Any of these labels; otherwise as [`select`](Self::select).
    pub fn multiselect<'a>(name: &str, text: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(name, text, "multiselect").choice(values)
    }

    /// Makes the user fill it in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The text that the user reads beside it.
    #[must_use]
    pub fn tooltip(mut self, text: &str) -> Self {
        text.clone_into(&mut self.tooltip);
        self
    }

    /// The API name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field as JSON for the platform's API.
    pub fn to_json(&self, of: FieldsOf) -> Value {
        let values: Vec<_> = self
            .values
            .iter()
            .map(|label| json!({"label": label, "enabled": true, "hidden": false}))
            .collect();
        let mut field = Map::new();
        let mut set = |key: &str, value: Value| drop(field.insert(key.to_owned(), value));
        set("name", json!(self.name));
        set("text", json!(self.text));
        set("input_type", json!(self.input_type));
        set("required", if self.required { json!("always") } else { Value::Null });
        set("tooltip", json!(self.tooltip));
        set("values", json!(values));
        match of {
            // Custom fields are below this key of the incident.
            FieldsOf::Incident => {
                set("prefix", json!("properties"));
                set("type_id", json!(0));
            }
            FieldsOf::Activity => set("type_id", json!(6)),
            FieldsOf::Function => set("type_id", json!(11)),
            FieldsOf::Table => {}
        }
        Value::Object(field)
    }
}

/// What a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldsOf {
    /// Type id 0.
    Incident,
    /// Type id 6: the dialog of a menu item.
    Activity,
    /// Type id 11: the inputs of functions, which share one set of fields.
    Function,
    /// A data table, whose type id the platform assigns.
    Table,
}

impl FieldsOf {
    /// Where the platform lists such fields; it lists a table's fields with the table.
    pub fn path(self) -> &'static str {
        match self {
            Self::Incident => "/types/incident/fields",
            Self::Activity => "/types/actioninvocation/fields",
            Self::Function => "/types/__function/fields",
            Self::Table => "/types",
        }
    }

    /// A name for people to read.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Incident => "incident field",
            Self::Activity => "activity field",
            Self::Function => "function input",
            Self::Table => "column",
        }
    }
}
