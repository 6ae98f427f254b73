//! What administrators configure through the REST API: destinations, rules, functions, types and fields.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::{API_KEY_HANDLE, Account};
use super::fields::{Format, TypeDef, field, select_value};
use super::import::overlay;
use super::state::{Kind, State, new_uuid};
use crate::api_error::ApiError;

impl State {
    /// Creates a message destination. Names are unique; the programmatic name may not hold a dot or a slash.
    pub(crate) fn new_destination(&mut self, body: &Value) -> Result<Value, ApiError> {
        let name = text(body, "programmatic_name").or(text(body, "name"));
        let name =
            name.ok_or_else(|| ApiError::required("programmatic_name", "programmatic name", "text"))?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            return Err(ApiError::bad(format!(
                "The programmatic name {name:?} may hold letters, digits, _ and - only."
            )));
        }
        if self.destination_named(&name).is_some() {
            return Err(ApiError::bad(format!("There is already a message destination {name:?}.")));
        }
        let id = self.new_id();
        let destination = json!({
            "id": id, "name": text(body, "name").unwrap_or_else(|| name.clone()), "programmatic_name": name,
            "export_key": name, "destination_type": body.get("destination_type").unwrap_or(&json!(0)),
            "expect_ack": body.get("expect_ack").unwrap_or(&json!(true)), "users": self.users_of(&body["users"]),
            "api_keys": list(&body["api_keys"]), "uuid": new_uuid(), "tags": [],
        });
        self.destinations.insert(id, destination.clone());
        Ok(destination)
    }

    /// Changes who may use a destination and whether it expects acknowledgements.
    pub(crate) fn change_destination(&mut self, id: i64, body: &Value) -> Result<Value, ApiError> {
        let users = self.users_of(&body["users"]);
        let destination =
            self.destinations.get_mut(&id).ok_or_else(|| ApiError::missing("message_destination", id))?;
        for key in ["name", "expect_ack", "destination_type"] {
            if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
                destination[key] = value.clone();
            }
        }
        destination["users"] = users;
        destination["api_keys"] = list(&body["api_keys"]);
        Ok(destination.clone())
    }

    /// User handles as ids; names are e-mail addresses.
    fn users_of(&self, handles: &Value) -> Value {
        let handles = handles.as_array().cloned().unwrap_or_default();
        let id = |handle: Value| {
            let user = self.users.iter().find(|(_, user)| user["email"] == handle);
            user.map_or(handle, |(id, _)| (*id).into())
        };
        handles.into_iter().map(id).collect()
    }

    /// Creates a rule. Destinations and the object type may be given by id or by name.
    pub(crate) fn new_rule(&mut self, body: &Value) -> Result<Value, ApiError> {
        let name = text(body, "name").ok_or_else(|| ApiError::required("name", "name", "text"))?;
        if self.rule_named(&name).is_some() {
            return Err(ApiError::bad(format!("There is already a rule {name:?}.")));
        }
        let kind = Kind::from_handle(body.get("object_type").unwrap_or(&json!(0)));
        let kind =
            kind.ok_or_else(|| ApiError::bad(format!("Unknown object type {}.", body["object_type"])))?;
        let mut destinations = Vec::new();
        for handle in body["message_destinations"].as_array().into_iter().flatten() {
            let found = self.destinations.iter().find(|(id, destination)| {
                *handle == **id
                    || destination["programmatic_name"] == *handle
                    || destination["name"] == *handle
            });
            let (id, _) =
                found.ok_or_else(|| ApiError::bad(format!("Unknown message destination {handle}.")))?;
            destinations.push(*id);
        }
        let id = self.new_id();
        let mut rule = json!({
            "id": id, "name": name, "export_key": name, "type": body["type"].as_i64().unwrap_or(0),
            "object_type": kind as i64, "message_destinations": destinations, "uuid": new_uuid(),
        });
        let defaults = json!({
            "conditions": [], "logic_type": "all", "automations": [], "view_items": [], "workflows": [],
            "timeout_seconds": 86400, "enabled": true, "tags": [],
        });
        for (key, default) in defaults.as_object().into_iter().flatten() {
            rule[key] = body.get(key).filter(|value| !value.is_null()).unwrap_or(default).clone();
        }
        self.rules.insert(id, rule.clone());
        Ok(rule)
    }

    /// Makes a rule as it is given; it keeps its id.
    pub(crate) fn change_rule(&mut self, id: i64, body: &Value) -> Result<Value, ApiError> {
        let old = self.rules.remove(&id).ok_or_else(|| ApiError::missing("action", id))?;
        let made = self.new_rule(body).map(|mut new| {
            self.rules.retain(|other, _| new["id"] != *other);
            (new["id"], new["uuid"]) = (json!(id), old["uuid"].clone());
            new
        });
        self.rules.insert(id, made.as_ref().unwrap_or(&old).clone());
        made
    }

    /// A rule as a client sees it.
    pub(crate) fn rule_json(&self, rule: &Value, format: Format) -> Value {
        let mut rule = rule.clone();
        if format == Format::Names {
            if let Some(kind) = Kind::from_handle(&rule["object_type"]) {
                rule["object_type"] = kind.name().into();
            }
            for handle in rule["message_destinations"].as_array_mut().into_iter().flatten() {
                if let Some(destination) = handle.as_i64().and_then(|id| self.destinations.get(&id)) {
                    *handle = destination["programmatic_name"].clone();
                }
            }
        }
        rule
    }

    /// Makes a function as it is given; it keeps its id.
    pub(crate) fn change_function(&mut self, id: i64, body: &Value) -> Result<Value, ApiError> {
        let function = self.functions.get_mut(&id).ok_or_else(|| ApiError::missing("function", id))?;
        overlay(function, body);
        Ok(function.clone())
    }

    /// Creates a function.
    pub(crate) fn new_function(&mut self, body: Value, account: &Account) -> Result<Value, ApiError> {
        let name = text(&body, "name").ok_or_else(|| ApiError::required("name", "name", "text"))?;
        if self.functions.values().any(|function| function["name"] == name) {
            return Err(ApiError::bad(format!("There is already a function {name:?}.")));
        }
        let (id, body_uuid) = (self.new_id(), own_uuid(&body));
        let mut function = json!({
            "display_name": name, "description": null, "destination_handle": null, "view_items": [],
            "workflows": [], "tags": [],
        });
        if let (Value::Object(function), Value::Object(body)) = (&mut function, body) {
            function.extend(body);
        }
        for (key, value) in [
            ("id", json!(id)),
            ("export_key", json!(name)),
            ("version", json!(0)),
            ("uuid", body_uuid),
            ("creator", account.principal()),
            ("last_modified_by", account.principal()),
            ("last_modified_time", super::state::now()),
        ] {
            function[key] = value;
        }
        self.functions.insert(id, function.clone());
        Ok(function)
    }

    /// Creates a type (a data table, in the platform's words), with the fields it brings along.
    pub(crate) fn new_type(&mut self, body: &Value) -> Result<String, ApiError> {
        let name =
            text(body, "type_name").ok_or_else(|| ApiError::required("type_name", "type name", "text"))?;
        if self.types.0.contains_key(&name) {
            return Err(ApiError::bad(format!("There is already a type {name:?}.")));
        }
        let id = self.new_id();
        let display_name = text(body, "display_name").unwrap_or_else(|| name.clone());
        self.types.0.insert(name.clone(), TypeDef { id, display_name, fields: BTreeMap::new() });
        let fields = body["fields"].as_object().cloned().unwrap_or_default();
        for (key, mut field) in fields {
            if field["name"].is_null() {
                field["name"] = key.into();
            }
            self.new_field(&name, &field)?;
        }
        Ok(name)
    }

    /// Creates a field. Fields of incidents and of activities live below `properties`.
    pub(crate) fn new_field(&mut self, type_name: &str, body: &Value) -> Result<Value, ApiError> {
        let name = text(body, "name").ok_or_else(|| ApiError::required("name", "name", "text"))?;
        let def = self.types.0.get(type_name).ok_or_else(|| ApiError::missing("type", type_name))?;
        if def.fields.values().any(|field| field["name"] == name) {
            return Err(ApiError::bad(format!("There is already a field {name:?} on {type_name}.")));
        }
        let type_id = def.id;
        let id = self.new_id();
        let input = text(body, "input_type").unwrap_or_else(|| "text".to_owned());
        let label = text(body, "text").unwrap_or_else(|| name.clone());
        let mut new = field(type_id, id, &name, &label, &input, &[]);
        new["internal"] = false.into();
        new["uuid"] = own_uuid(body);
        if matches!(type_name, "incident" | "actioninvocation") {
            new["prefix"] = "properties".into();
        }
        self.fill_field(&mut new, body);
        self.put_field(type_name, id, new.clone());
        if type_name == "incident" {
            for incident in self.objects.entry(Kind::Incident).or_default().values_mut() {
                incident["properties"][&name] = if input == "multiselect" { json!([]) } else { Value::Null };
            }
        }
        Ok(new)
    }

    /// Changes a field.
    pub(crate) fn change_field(&mut self, type_name: &str, id: i64, body: &Value) -> Result<Value, ApiError> {
        let field = self.types.0.get(type_name).and_then(|def| def.fields.get(&id));
        let mut field = field.cloned().ok_or_else(|| ApiError::missing("field", id))?;
        self.fill_field(&mut field, body);
        self.put_field(type_name, id, field.clone());
        Ok(field)
    }

    fn put_field(&mut self, type_name: &str, id: i64, field: Value) {
        if let Some(def) = self.types.0.get_mut(type_name) {
            def.fields.insert(id, field);
        }
    }

    /// Lays the given properties over a field; select values without a number get one.
    fn fill_field(&mut self, field: &mut Value, body: &Value) {
        for key in [
            "text",
            "required",
            "tooltip",
            "placeholder",
            "blank_option",
            "rich_text",
            "chosen",
            "hide_notification",
            "order",
            "width",
            "templates",
        ] {
            if let Some(value) = body.get(key) {
                field[key] = value.clone();
            }
        }
        if let Some(values) = body["values"].as_array() {
            let mut filled = Vec::new();
            for value in values {
                let label = value["label"].as_str().or(value.as_str()).unwrap_or_default();
                let known =
                    field["values"].as_array().and_then(|old| old.iter().find(|v| v["label"] == label));
                let number =
                    value.get("value").filter(|v| !v.is_null()).or(known.map(|known| &known["value"]));
                let number = number.cloned().unwrap_or_else(|| self.new_id().into());
                let mut entry = select_value(&number, label);
                if let (Value::Object(entry), Value::Object(given)) = (&mut entry, value) {
                    entry.extend(
                        given.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())),
                    );
                }
                filled.push(entry);
            }
            field["values"] = filled.into();
        }
    }

    /// Makes a destination that components of a test can use, as an administrator would.
    pub(crate) fn grant(&mut self, destination: i64, allowed: bool) {
        if let Some(destination) = self.destinations.get_mut(&destination) {
            let (users, keys) = if allowed {
                (json!([super::account::USER_ID]), json!([API_KEY_HANDLE]))
            } else {
                (json!([]), json!([]))
            };
            destination["users"] = users;
            destination["api_keys"] = keys;
        }
    }
}

/// A text exactly as it is given, blanks at its ends included: the platform keeps them. One of blanks alone counts as missing.
fn text(body: &Value, key: &str) -> Option<String> {
    body[key].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The object's uuid, as an export brings it, or a new one.
fn own_uuid(body: &Value) -> Value {
    if body["uuid"].is_string() { body["uuid"].clone() } else { json!(new_uuid()) }
}

fn list(value: &Value) -> Value {
    if value.is_array() { value.clone() } else { json!([]) }
}
