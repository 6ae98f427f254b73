//! Names for numbers and numbers for names: fields with their values, users and groups, each list read once and shared.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, HandleFormat, Rest, TextFormat, cache::Cache, error::Kind, segment};

/// What makes two cached reads the same: path and forms asked for.
type Key = (bool, String, Option<HandleFormat>, Option<TextFormat>);

/// All that a client remembers of the platform's lists.
pub(crate) struct Lookups {
    values: Cache<Key, Value>,
    fields: Cache<String, Fields>,
    names: Cache<String, Names>,
}

impl Lookups {
    pub(crate) fn new(ttl: std::time::Duration) -> Self {
        Self { values: Cache::new(ttl), fields: Cache::new(ttl), names: Cache::new(ttl) }
    }
}

/// A field of a type as the platform defines it. What is not named here is ignored.
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
    /// The object inside the object that holds it: `properties` for custom fields.
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
    /// The id, a number as a rule.
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

    /// The id of the value labelled `label`; of two, the one that may still be chosen.
    pub fn choice(&self, label: &str) -> Option<&Value> {
        let labelled = || self.values.iter().filter(|choice| choice.label == label);
        labelled().find(|choice| choice.enabled).or_else(|| labelled().next()).map(|choice| &choice.value)
    }

    fn has_choices(&self) -> bool {
        self.input_type.starts_with("select") || self.input_type.starts_with("multiselect")
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
    fn new(of: &str, list: Vec<Field>) -> Self {
        Self {
            of: of.to_owned(),
            by_name: list.into_iter().map(|field| (field.name.clone(), field)).collect(),
        }
    }

    /// The field `name`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] if there is none, naming the nearest ones that contain it.
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

    /// The value of field `name` in `object` as people read it: labels for ids, the text of rich text. Values that are
    /// not in the list stay as they are.
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

    /// Sets field `name` in `object`, a label or a list of labels becoming ids. Dates are milliseconds since 1970 (UTC);
    /// for rich text pass `{"format": "html", "content": ".."}` or a string, which the platform takes as HTML.
    ///
    /// # Errors
    /// [`Error::is_invalid`] if there is no such field, or no such value in it, naming those that there are.
    pub fn write(&self, object: &mut Value, name: &str, value: impl Into<Value>) -> Result<(), Error> {
        let field = self.field(name)?;
        let to_id = |value: Value| match &value {
            Value::String(label) if field.has_choices() => match field.choice(label) {
                Some(id) => Ok(id.clone()),
                // Some ids are strings themselves, such as the plan status `A`.
                None if field.label(&value).is_some() => Ok(value),
                None => Err(self.no_such_choice(field, label)),
            },
            _ => Ok(value),
        };
        let value = match value.into() {
            Value::Array(list) => Value::Array(list.into_iter().map(to_id).collect::<Result<_, _>>()?),
            value => to_id(value)?,
        };
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

    fn no_such_choice(&self, field: &Field, label: &str) -> Error {
        let labels: Vec<_> =
            field.values.iter().filter(|c| c.enabled).map(|c| c.label.as_str()).take(20).collect();
        Error::new(
            Kind::Invalid,
            format!("the field '{}' of '{}' has no value '{label}'", field.name, self.of),
        )
        .hint(format!("its values are {}", labels.join(", ")))
    }
}

/// People or groups by number and by name.
#[derive(Clone, PartialEq)]
pub struct Names {
    by_id: HashMap<i64, String>,
    by_name: HashMap<String, i64>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of people belong in no log.
        f.debug_struct("Names").field("count", &self.by_id.len()).finish()
    }
}

impl Names {
    /// Reads a list, `{"entities": [..]}` or `{"<id>": {..}}`: platforms differ.
    fn new(value: &Value) -> Self {
        let list = value.get("entities").unwrap_or(value);
        let members: Vec<&Value> = match list {
            Value::Array(list) => list.iter().collect(),
            Value::Object(map) => map.values().collect(),
            _ => Vec::new(),
        };
        let mut names = Self { by_id: HashMap::new(), by_name: HashMap::new() };
        for member in members {
            let Some(id) = member.get("id").and_then(Value::as_i64) else { continue };
            let text = |key: &str| member.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            let full = || Some(format!("{} {}", text("fname")?, text("lname")?));
            let name = text("display_name").or_else(|| text("name")).map(str::to_owned).or_else(full);
            let email = text("email").map(str::to_owned);
            for key in [&name, &email].into_iter().flatten() {
                names.by_name.entry(key.to_lowercase()).or_insert(id);
            }
            if let Some(name) = name.or(email) {
                names.by_id.insert(id, name);
            }
        }
        names
    }

    /// The name of number `id`.
    pub fn name(&self, id: i64) -> Option<&str> {
        self.by_id.get(&id).map(String::as_str)
    }

    /// The number of a name or e-mail address, in any case.
    pub fn id(&self, name: &str) -> Option<i64> {
        self.by_name.get(&name.to_lowercase()).copied()
    }
}

impl Rest {
    /// GET, remembered for [`Options::cache_ttl`](crate::Options::cache_ttl). For lists that change rarely, such as
    /// `/types` or, absolute, `/const`.
    ///
    /// # Errors
    /// As for [`Rest::get`]; an error is not remembered.
    pub async fn cached(&self, path: &str) -> Result<Arc<Value>, Error> {
        let (handles, text) = self.formats();
        let key = (self.absolute, path.to_owned(), handles, text);
        self.shared.lookups.values.get(key, self.get(path)).await
    }

    /// The fields of a type: `incident`, `task`, `artifact`; `actioninvocation` for the fields of menu-item rules,
    /// `__function` for the inputs of functions. Remembered like [`Rest::cached`].
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn fields(&self, of: &str) -> Result<Arc<Fields>, Error> {
        let path = format!("/types/{}/fields", segment(of));
        let fetch = async { Ok(Fields::new(of, self.relative().get(&path).await?)) };
        self.shared.lookups.fields.get(of.to_owned(), fetch).await
    }

    /// The users of the organisation, by number, name and e-mail address. Remembered like [`Rest::cached`].
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn users(&self) -> Result<Arc<Names>, Error> {
        self.names("/users").await
    }

    /// The groups of the organisation, by number and name. Remembered like [`Rest::cached`].
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn groups(&self) -> Result<Arc<Names>, Error> {
        self.names("/groups").await
    }

    /// Forgets all that `cached`, `fields`, `users` and `groups` remember, for all handles of the client.
    pub fn forget(&self) {
        self.shared.lookups.values.clear();
        self.shared.lookups.fields.clear();
        self.shared.lookups.names.clear();
    }

    async fn names(&self, path: &str) -> Result<Arc<Names>, Error> {
        let fetch = async { Ok(Names::new(&self.relative().get(path).await?)) };
        self.shared.lookups.names.get(path.to_owned(), fetch).await
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

    #[test]
    fn names_are_read_from_every_shape() {
        let kim = json!({"id": 7, "fname": "Kim", "lname": "Lee", "email": "kim@example.com"});
        for shape in [json!([kim]), json!({"entities": [kim]}), json!({"7": kim})] {
            let names = Names::new(&shape);
            assert_eq!(
                (names.name(7), names.id("KIM@example.com"), names.id("Kim Lee")),
                (Some("Kim Lee"), Some(7), Some(7))
            );
            assert!(!format!("{names:?}").contains("Kim"));
        }
        let groups = Names::new(&json!({"187": {"id": 187, "name": "Analysts", "members": [7]}}));
        assert_eq!(
            (groups.name(187), groups.id("analysts"), groups.id("none")),
            (Some("Analysts"), Some(187), None)
        );
    }
}
