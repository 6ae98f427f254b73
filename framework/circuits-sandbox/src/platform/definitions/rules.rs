//! Rules: what fires, on which objects, and where the messages go.
use serde_json::{Value, json};

use super::{Definitions, Format, text};
use crate::api_error::ApiError;
use crate::platform::Kind;
use crate::platform::ids::new_uuid;

impl Definitions {
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Value> {
        self.rules.values()
    }

    pub(crate) fn rule(&self, id: i64) -> Result<&Value, ApiError> {
        self.rules.get(&id).ok_or_else(|| ApiError::missing("action", id))
    }

    /// The menu items of a kind of objects, as the objects list them.
    pub(crate) fn menu_items(&self, kind: Kind) -> Value {
        let menu = self.rules().filter(|rule| rule["type"] == 1 && rule["object_type"] == kind as i64);
        menu.map(|rule| json!({"id": rule["id"], "name": rule["name"], "enabled": true})).collect()
    }

    pub(crate) fn remove_rule(&mut self, id: i64) -> Result<(), ApiError> {
        self.rules.remove(&id).map(drop).ok_or_else(|| ApiError::missing("action", id))
    }

    /// The rule with exactly this name.
    pub(crate) fn rule_named(&self, name: &str) -> Option<i64> {
        self.rules.iter().find(|(_, rule)| rule["name"] == name).map(|(id, _)| *id)
    }

    /// Stores a rule from the builder.
    pub(crate) fn add_rule(&mut self, rule: &crate::Rule) -> i64 {
        let destinations: Vec<i64> =
            rule.destinations.iter().map(|name| self.ensure_destination(name)).collect();
        let id = self.ids.next();
        let rule = json!({
            "id": id, "name": rule.name, "export_key": rule.name, "type": i64::from(rule.menu_item),
            "object_type": rule.kind as i64, "conditions": rule.conditions, "logic_type": "all",
            "message_destinations": destinations, "automations": [], "view_items": [], "workflows": [],
            "timeout_seconds": 86400, "enabled": true, "uuid": new_uuid(), "tags": [],
        });
        self.rules.insert(id, rule);
        id
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
        let id = self.ids.next();
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

    /// Replaces a rule with the given one; it keeps its id.
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
}
