//! Types and fields: what objects consist of, and how select values travel (as ids, labels or objects).
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api_error::ApiError;
use crate::platform::accounts::Accounts;
use crate::platform::firing::at;
use crate::platform::ids::new_uuid;
use crate::platform::kind::Kind;

/// How object handles are shown: the platform's `handle_format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Ids,
    Names,
}

/// One type with its fields.
pub(crate) struct TypeDef {
    pub(crate) id: i64,
    pub(crate) display_name: String,
    pub(crate) fields: BTreeMap<i64, Value>,
}

/// All types by name.
#[derive(Default)]
pub(crate) struct Types(pub(crate) BTreeMap<String, TypeDef>);

/// Builds a field definition; `values` are pairs of value and label.
pub(crate) fn field(
    type_id: i64,
    id: i64,
    name: &str,
    text: &str,
    input_type: &str,
    values: &[(Value, &str)],
) -> Value {
    let values: Vec<Value> = values.iter().map(|(value, label)| select_value(value, label)).collect();
    json!({
        "id": id, "name": name, "text": text, "type_id": type_id, "input_type": input_type, "prefix": null,
        "tooltip": "", "placeholder": "", "internal": true, "chosen": false, "changeable": true,
        "read_only": false, "blank_option": false, "hide_notification": false, "rich_text": input_type == "textarea",
        "operations": [], "operation_perms": {}, "perms": {}, "values": values, "uuid": new_uuid(), "export_key": name,
    })
}

pub(crate) fn select_value(value: &Value, label: &str) -> Value {
    json!({"value": value, "label": label, "enabled": true, "hidden": false, "default": false,
        "properties": null, "uuid": new_uuid()})
}

/// The path of a field inside its object.
pub(crate) fn path(field: &Value) -> String {
    let name = field["name"].as_str().unwrap_or_default();
    match field["prefix"].as_str() {
        Some(prefix) => format!("{prefix}.{name}"),
        None => name.to_owned(),
    }
}

/// The value of a field that nobody has filled in.
pub(crate) fn empty(field: &Value) -> Value {
    if field["input_type"] == "multiselect" { json!([]) } else { Value::Null }
}

/// Mutable access to the value at a dotted path of depth one or two, if its parent exists.
pub(crate) fn slot<'a>(object: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(object, |value, key| value.get_mut(key))
}

impl Types {
    pub(crate) fn fields(&self, type_name: &str) -> impl Iterator<Item = &Value> {
        self.0.get(type_name).into_iter().flat_map(|def| def.fields.values())
    }

    /// The value that a label, an id or a handle object stands for; anything else is returned unchanged.
    pub(crate) fn value_of(&self, type_name: &str, path_of: &str, given: &Value) -> Value {
        match self.fields(type_name).find(|field| path(field) == path_of) {
            Some(field) => resolve(field, given).unwrap_or_else(|| given.clone()),
            None => given.clone(),
        }
    }

    /// Turns labels and handle objects into ids, in place. Unknown select values are refused.
    pub(crate) fn to_ids(&self, kind: Kind, object: &mut Value) -> Result<(), ApiError> {
        for field in self.fields(kind.name()).filter(|field| has_values(field)) {
            let Some(value) = slot(object, &path(field)).filter(|value| !value.is_null()) else { continue };
            *value = resolve(field, value).ok_or_else(|| {
                let name = field["name"].as_str().unwrap_or_default();
                ApiError::bad(format!("The value {value} is not valid for the field {name}."))
            })?;
        }
        Ok(())
    }

    /// Turns ids into labels, in place.
    pub(crate) fn to_names(&self, kind: Kind, object: &mut Value) {
        for field in self.fields(kind.name()).filter(|field| has_values(field)) {
            let Some(value) = slot(object, &path(field)) else { continue };
            match value {
                Value::Array(list) => list.iter_mut().for_each(|item| *item = label(field, item)),
                single => *single = label(field, single),
            }
        }
    }

    /// The `type_info` entry of a type: each field with the select values that the object uses.
    pub(crate) fn type_info(&self, type_name: &str, object: &Value, accounts: &Accounts) -> Option<Value> {
        let def = self.0.get(type_name)?;
        let mut fields = Map::new();
        for field in def.fields.values() {
            let used = at(object, &path(field));
            let used: Vec<&Value> = used.as_array().map_or_else(|| vec![used], |list| list.iter().collect());
            let mut values = Map::new();
            for value in used.into_iter().filter(|value| !value.is_null()) {
                let entry = match field["input_type"].as_str() {
                    Some("select_owner" | "multiselect_members") => owner(accounts, value),
                    _ => list(field).iter().find(|entry| entry["value"] == *value).cloned(),
                };
                if let Some(entry) = entry {
                    let key = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    values.insert(key, entry);
                }
            }
            let name = field["name"].as_str().unwrap_or_default().to_owned();
            fields.insert(name, json!({"id": field["id"], "values": values}));
        }
        Some(json!({"type_id": def.id, "fields": fields}))
    }
}

fn owner(accounts: &Accounts, id: &Value) -> Option<Value> {
    let user = accounts.user(id.as_i64()?)?;
    let text = |key: &str| user[key].as_str().unwrap_or_default().to_owned();
    let label = format!("{} {} ({})", text("fname"), text("lname"), text("email"));
    Some(json!({"value": id, "label": label, "enabled": true, "hidden": false, "default": false,
        "properties": null, "uuid": null}))
}

fn list(field: &Value) -> &[Value] {
    field["values"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn has_values(field: &Value) -> bool {
    matches!(field["input_type"].as_str(), Some("select" | "multiselect")) && !list(field).is_empty()
}

fn label(field: &Value, value: &Value) -> Value {
    list(field)
        .iter()
        .find(|entry| entry["value"] == *value)
        .map_or_else(|| value.clone(), |e| e["label"].clone())
}

/// A select value from an id, a label, `{"id": ..}` or `{"name": ..}`; lists item by item.
fn resolve(field: &Value, given: &Value) -> Option<Value> {
    if let Value::Array(items) = given {
        return items.iter().map(|item| resolve(field, item)).collect();
    }
    if !has_values(field) || given.is_null() {
        return Some(given.clone());
    }
    let handle = given.get("id").or(given.get("name")).unwrap_or(given);
    let entry = list(field)
        .iter()
        .find(|e| e["value"] == *handle || (handle.is_string() && e["label"] == *handle))?;
    Some(entry["value"].clone())
}
