//! The fields of a type: translates between values as the platform stores them and as people read and write them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, date, error::Kind};

/// A field of a type as the platform defines it. Properties that are not named here are ignored.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// Its API name, such as `severity_code`.
    pub name: String,
    /// Its label, such as "Severity".
    #[serde(default)]
    pub text: String,
    /// `text`, `textarea`, `number`, `boolean`, `select`, `multiselect`, `datetimepicker`, `select_owner`, and so on.
    #[serde(default)]
    pub input_type: String,
    /// The inner object that holds the field: `properties` for custom fields.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Whether its text is HTML.
    #[serde(default)]
    pub rich_text: bool,
    /// `always`, `close` or nothing.
    #[serde(default)]
    pub required: Option<String>,
    /// The values to choose from.
    #[serde(default)]
    pub values: Vec<Choice>,
}

/// One value of a select or multi-select field.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// The id, usually a number.
    pub value: Value,
    /// The label that users see.
    #[serde(default)]
    pub label: String,
    /// Whether it may still be chosen.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

impl Field {
    /// The label of the value `id`.
    pub fn label(&self, id: &Value) -> Option<&str> {
        self.values.iter().find(|choice| choice.value == *id).map(|choice| choice.label.as_str())
    }

    /// The id of the value labelled `label`; of two, the one that may still be chosen. People are labelled "Kim Lee
    /// (kim@example.com)": the name or the address alone, in any case, is enough if only one person has it.
    pub fn choice(&self, label: &str) -> Option<&Value> {
        let labelled = || self.values.iter().filter(|choice| choice.label == label);
        let exact = labelled().find(|choice| choice.enabled).or_else(|| labelled().next());
        exact.or_else(|| self.person(label)).map(|choice| &choice.value)
    }

    fn person(&self, who: &str) -> Option<&Choice> {
        let who = who.to_lowercase();
        let is_meant = |choice: &&Choice| {
            let label = choice.label.to_lowercase();
            let parts = label.strip_suffix(')').and_then(|label| label.rsplit_once(" ("));
            label == who || parts.is_some_and(|(name, mail)| name == who || mail == who)
        };
        let mut meant = self.values.iter().filter(|_| self.holds_people()).filter(is_meant);
        meant.next().filter(|_| meant.next().is_none())
    }

    fn holds_people(&self) -> bool {
        matches!(self.input_type.as_str(), "select_owner" | "select_user" | "multiselect_members")
    }

    fn has_choices(&self) -> bool {
        self.input_type.starts_with("select") || self.is_list()
    }

    fn is_list(&self) -> bool {
        self.input_type.starts_with("multiselect")
    }

    /// `value` as the platform stores it in this field, or the reason why it cannot be stored, for people to read.
    fn stored(&self, value: Value) -> Result<Value, String> {
        match (self.input_type.as_str(), value) {
            (_, Value::Null) => Ok(Value::Null),
            (_, Value::Array(list)) if self.is_list() => {
                list.into_iter().map(|value| self.chosen(value)).collect()
            }
            (_, value) if self.is_list() => Ok(json!([self.chosen(value)?])),
            (_, Value::Array(_)) if self.has_choices() => Err("takes one value, not a list".to_owned()),
            (_, value) if self.has_choices() => self.chosen(value),
            ("datetimepicker" | "datepicker", value) => date::milliseconds(&value).map(Value::from),
            ("boolean", value) if !value.is_boolean() => Err(format!("takes true or false, not {value}")),
            ("number", value) if !value.is_number() => Err(format!("takes a number, not {value}")),
            (_, value) => Ok(value),
        }
    }

    fn chosen(&self, value: Value) -> Result<Value, String> {
        match &value {
            Value::String(label) => match self.choice(label) {
                Some(id) => Ok(id.clone()),
                // Some ids are strings themselves, such as the plan status `A`.
                None if self.label(&value).is_some() => Ok(value),
                None => Err(format!("has no value '{label}'")),
            },
            _ => Ok(value),
        }
    }

    fn pointer(&self) -> String {
        match self.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => format!("/{prefix}/{}", self.name),
            None => format!("/{}", self.name),
        }
    }
}

/// The fields of a type, by API name. A name may carry its prefix: `properties.ticket` is `ticket`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    of: String,
    by_name: HashMap<String, Field>,
}

impl Fields {
    pub(crate) fn new(of: &str, list: Vec<Field>) -> Self {
        Self {
            of: of.to_owned(),
            by_name: list.into_iter().map(|field| (field.name.clone(), field)).collect(),
        }
    }

    /// The field `name`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] if there is none; the error names fields whose names contain `name`.
    pub fn field(&self, name: &str) -> Result<&Field, Error> {
        let bare = name.rsplit('.').next().unwrap_or(name);
        self.by_name.get(bare).ok_or_else(|| {
            let mut near: Vec<_> =
                self.by_name.keys().filter(|key| key.contains(bare)).take(5).cloned().collect();
            near.sort();
            let error = Error::new(Kind::Invalid, format!("the type '{}' has no field '{bare}'", self.of));
            if near.is_empty() { error } else { error.hint(format!("there is {}", near.join(", "))) }
        })
    }

    /// All fields, sorted by name.
    pub fn all(&self) -> Vec<&Field> {
        let mut all: Vec<_> = self.by_name.values().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The value of field `name` in `object` as people read it: labels for ids, the text of rich text. Dates stay
    /// milliseconds since 1970 (UTC), and values that are not in the list stay as they are.
    ///
    /// # Errors
    /// As for [`Fields::field`].
    pub fn read(&self, object: &Value, name: &str) -> Result<Value, Error> {
        let field = self.field(name)?;
        let value = object.pointer(&field.pointer()).unwrap_or(&Value::Null);
        let readable = |value: &Value| {
            let id = value.get("id").unwrap_or(value);
            field
                .label(id)
                .map(Value::from)
                .or_else(|| value.get("name").cloned())
                .unwrap_or_else(|| value.clone())
        };
        Ok(match value {
            Value::Array(list) if field.has_choices() => list.iter().map(readable).collect(),
            Value::Object(text) if text.contains_key("content") => text["content"].clone(),
            value if field.has_choices() && !value.is_null() => readable(value),
            value => value.clone(),
        })
    }

    /// Sets field `name` in `object`; `null` empties it.
    ///
    /// - Select and multi-select fields take ids, labels or lists of both. Owners and members also take a name or an
    ///   e-mail address alone, if only one person has it.
    /// - Dates take milliseconds since 1970 (UTC), RFC 3339 text (`2024-05-01T12:00:00+02:00`) or `2024-05-01`, which is
    ///   its midnight in UTC. Text that leaves day, month or zone open is refused.
    /// - Rich text takes `{"format": "html", "content": ".."}` or a string, which the platform takes as HTML.
    ///
    /// # Errors
    /// [`Error::is_invalid`] if there is no such field, or it does not take such a value; `object` is left as it was.
    pub fn write(&self, object: &mut Value, name: &str, value: impl Into<Value>) -> Result<(), Error> {
        let field = self.field(name)?;
        let value = field.stored(value.into()).map_err(|why| {
            let error =
                Error::new(Kind::Invalid, format!("the field '{}' of '{}' {why}", field.name, self.of));
            let labels = field.values.iter().filter(|choice| choice.enabled);
            let labels: Vec<_> = labels.map(|choice| choice.label.as_str()).take(20).collect();
            if labels.is_empty() {
                error
            } else {
                error.hint(format!("its values are {}", labels.join(", ")))
            }
        })?;
        let place = match field.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            Some(prefix) => &mut object[prefix],
            None => object,
        };
        if !place.is_object() {
            *place = json!({});
        }
        place[&field.name] = value;
        Ok(())
    }

    /// Whether there are fields for people without a list of people.
    pub(crate) fn lack_people(&self) -> bool {
        self.by_name.values().any(|field| field.holds_people() && field.values.is_empty())
    }

    pub(crate) fn add_people(&mut self, people: &[Choice]) {
        let lacking =
            self.by_name.values_mut().filter(|field| field.holds_people() && field.values.is_empty());
        lacking.for_each(|field| field.values = people.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let list = serde_json::from_value(json!([
            {"id": 1, "name": "name", "text": "Name", "input_type": "text", "required": "always"},
            {"id": 2, "name": "severity_code", "input_type": "select", "values": [
                {"value": 50, "label": "Low", "enabled": false}, {"value": 51, "label": "Low"},
                {"value": 52, "label": "High", "properties": null, "hidden": false}]},
            {"id": 3, "name": "tags", "input_type": "multiselect", "prefix": "properties", "values": [
                {"value": 1, "label": "a"}, {"value": 2, "label": "b"}]},
            {"id": 4, "name": "plan_status", "input_type": "select", "values": [{"value": "A", "label": "Active"}]},
            {"id": 5, "name": "description", "input_type": "textarea", "rich_text": true},
            {"id": 6, "name": "when", "input_type": "datetimepicker", "prefix": "properties"},
            {"id": 7, "name": "day", "input_type": "datepicker", "prefix": "properties"},
            {"id": 8, "name": "confirmed", "input_type": "boolean"},
            {"id": 9, "name": "count", "input_type": "number", "prefix": "properties"},
            {"id": 10, "name": "owner_id", "input_type": "select_owner", "values": [
                {"value": 7, "label": "Kim Lee (kim@example.com)"}, {"value": 8, "label": "Kim Lee (kl@example.com)"},
                {"value": 9, "label": "Ada Ok (ada@example.com)"}, {"value": 187, "label": "Analysts"}]},
            {"id": 11, "name": "members", "input_type": "multiselect_members"},
        ]));
        Fields::new("incident", list.unwrap())
    }

    #[test]
    fn labels_are_read_for_ids_objects_and_lists() {
        let incident = json!({
            "severity_code": 52, "plan_status": {"id": "A", "name": "Active"},
            "properties": {"tags": [2, {"id": 1}, 77]}, "description": {"format": "html", "content": "<b>x</b>"},
        });
        let read = |name| fields().read(&incident, name).unwrap();
        assert_eq!(read("severity_code"), "High");
        assert_eq!(read("plan_status"), "Active");
        assert_eq!(read("properties.tags"), json!(["b", "a", 77]));
        assert_eq!(read("description"), "<b>x</b>");
        assert_eq!(read("name"), Value::Null);
    }

    #[test]
    fn labels_are_written_as_ids_in_their_place() {
        let mut incident = json!({"name": "x", "properties": null});
        let fields = fields();
        fields.write(&mut incident, "severity_code", "Low").unwrap();
        fields.write(&mut incident, "tags", json!(["a", 2])).unwrap();
        fields.write(&mut incident, "plan_status", "A").unwrap();
        fields.write(&mut incident, "properties.when", 1_500_000_000_000_i64).unwrap();
        fields.write(&mut incident, "name", "Low").unwrap();
        assert_eq!(
            incident,
            json!({
                "name": "Low", "severity_code": 51, "plan_status": "A",
                "properties": {"tags": [1, 2], "when": 1_500_000_000_000_i64},
            })
        );
    }

    #[test]
    fn unknown_fields_and_values_name_the_known_ones() {
        let (fields, mut incident) = (fields(), json!({}));
        let error = fields.write(&mut incident, "severity_code", "Highest").unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("its values are Low, High"), "{error}");
        let error = fields.field("severity").unwrap_err();
        assert!(
            error.to_string().contains("'severity'") && error.to_string().contains("severity_code"),
            "{error}"
        );
        assert_eq!(incident, json!({}));
    }

    /// Writes a value and returns what the platform would get and what reads back.
    fn there_and_back(fields: &Fields, name: &str, value: Value) -> Result<(Value, Value), String> {
        let mut object = json!({});
        fields.write(&mut object, name, value).map_err(|error| error.to_string())?;
        let stored = object.pointer(&fields.field(name).unwrap().pointer()).unwrap().clone();
        Ok((stored, fields.read(&object, name).unwrap()))
    }

    #[test]
    fn every_kind_of_field_goes_there_and_back() {
        let html = json!({"format": "html", "content": "<b>x</b>"});
        let table = [
            ("name", json!("x"), json!("x"), json!("x")),
            ("description", json!("<b>x</b>"), json!("<b>x</b>"), json!("<b>x</b>")),
            ("description", html.clone(), html, json!("<b>x</b>")),
            ("severity_code", json!("High"), json!(52), json!("High")),
            ("severity_code", json!(52), json!(52), json!("High")),
            ("plan_status", json!("Active"), json!("A"), json!("Active")),
            ("tags", json!(["b", 1]), json!([2, 1]), json!(["b", "a"])),
            ("tags", json!("b"), json!([2]), json!(["b"])),
            ("tags", json!([]), json!([]), json!([])),
            (
                "when",
                json!("2024-05-01T12:00:00Z"),
                json!(1_714_564_800_000_i64),
                json!(1_714_564_800_000_i64),
            ),
            (
                "properties.day",
                json!("2024-05-01"),
                json!(1_714_521_600_000_i64),
                json!(1_714_521_600_000_i64),
            ),
            ("confirmed", json!(true), json!(true), json!(true)),
            ("count", json!(-2), json!(-2), json!(-2)),
            ("count", json!(0.5), json!(0.5), json!(0.5)),
            ("owner_id", json!("ada ok"), json!(9), json!("Ada Ok (ada@example.com)")),
            ("owner_id", json!("KL@example.com"), json!(8), json!("Kim Lee (kl@example.com)")),
            ("owner_id", json!("Kim Lee (kim@example.com)"), json!(7), json!("Kim Lee (kim@example.com)")),
            ("owner_id", json!("Analysts"), json!(187), json!("Analysts")),
            ("owner_id", json!(9), json!(9), json!("Ada Ok (ada@example.com)")),
            ("count", Value::Null, Value::Null, Value::Null),
            ("owner_id", Value::Null, Value::Null, Value::Null),
        ];
        for (name, value, stored, read) in table {
            assert_eq!(there_and_back(&fields(), name, value.clone()), Ok((stored, read)), "{name} {value}");
        }
        let mut fields = fields();
        assert!(fields.lack_people());
        fields.add_people(&fields.field("owner_id").unwrap().values.clone());
        assert!(!fields.lack_people());
        let there = there_and_back(&fields, "members", json!(["Ada Ok", "analysts", 7])).unwrap();
        assert_eq!(there.0, json!([9, 187, 7]));
        assert_eq!(there.1, json!(["Ada Ok (ada@example.com)", "Analysts", "Kim Lee (kim@example.com)"]));
    }

    #[test]
    fn values_of_another_kind_are_refused_by_name() {
        let table = [
            (
                "confirmed",
                json!("yes"),
                "the field 'confirmed' of 'incident' takes true or false, not \"yes\"",
            ),
            ("count", json!("2"), "takes a number, not \"2\""),
            ("when", json!("05/06/2024"), "takes a date as milliseconds since 1970 (UTC)"),
            ("severity_code", json!(["High"]), "takes one value, not a list"),
            ("tags", json!(["a", "z"]), "has no value 'z'\n  hint: its values are a, b"),
            ("owner_id", json!("Kim Lee"), "has no value 'Kim Lee'"),
        ];
        for (name, value, said) in table {
            let error = there_and_back(&fields(), name, value).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
