//! What an accepted import does: it creates missing objects, and makes existing ones as they are in the export.
use serde_json::{Value, json};

use super::{Definitions, overlay};
use crate::api_error::ApiError;
use crate::platform::identity::Account;
use crate::platform::{Kind, State};

impl State {
    /// Takes over the objects of an export, each after those that it refers to.
    pub(crate) fn import(&mut self, export: &Value, account: &Account) -> Result<(), ApiError> {
        let all = |kind: &str| export[kind].as_array().cloned().unwrap_or_default();
        for mut destination in all("message_destinations") {
            // The accounts that may read it on the exporting platform do not exist here.
            (destination["users"], destination["api_keys"]) = (json!([]), json!([]));
            let name = destination["programmatic_name"].as_str().unwrap_or_default();
            if self.definitions.destination_named(name).is_none() {
                self.definitions.new_destination(&destination, &self.accounts)?;
            }
        }
        for kind in all("types") {
            let name = kind["type_name"].as_str().unwrap_or_default().to_owned();
            if !self.definitions.types.0.contains_key(&name) {
                self.definitions.new_type(&kind)?;
                continue;
            }
            for column in kind["fields"].as_object().into_iter().flatten().map(|(_, column)| column) {
                self.put(&name, column)?;
            }
        }
        for field in all("fields") {
            match field["type_id"].as_i64() {
                // An export contains the platform's own fields too.
                Some(0) if field["prefix"] == "properties" => self.put("incident", &field)?,
                Some(6) => self.put("actioninvocation", &field)?,
                Some(11) => self.put("__function", &field)?,
                Some(0) => {}
                _ => self.definitions.kept.put_field(&field),
            }
        }
        for function in all("functions") {
            let name = function["name"].as_str().unwrap_or_default();
            match self.definitions.function_named(name) {
                Some(id) => self.definitions.change_function(id, &function)?,
                None => self.definitions.new_function(function, account)?,
            };
        }
        for (list, key) in [("scripts", "name"), ("workflows", "programmatic_name"), ("playbooks", "name")] {
            for object in all(list) {
                self.definitions.put_object(list, object, key);
            }
        }
        for rule in all("actions") {
            self.definitions.import_rule(rule)?;
        }
        self.definitions.kept.import(export);
        Ok(())
    }

    /// Creates a field, or makes it as it is in the export, values included.
    fn put(&mut self, kind: &str, field: &Value) -> Result<(), ApiError> {
        let known = self.definitions.types.fields(kind).find(|known| known["name"] == field["name"]);
        match known.and_then(|known| known["id"].as_i64()) {
            Some(id) => self.definitions.change_field(kind, id, field).map(drop),
            None => self.new_field(kind, field).map(drop),
        }
    }
}

impl Definitions {
    /// A rule may act on objects that the sandbox does not simulate, such as rows of a data table: it is kept but never fires.
    fn import_rule(&mut self, mut rule: Value) -> Result<(), ApiError> {
        let (mut kind, enabled) = (rule["object_type"].clone(), rule["enabled"].clone());
        match Kind::from_handle(&kind) {
            Some(known) => kind = json!(known as i64),
            None => rule["object_type"] = json!(0),
        }
        let name = rule["name"].as_str().unwrap_or_default();
        let id = match self.rule_named(name) {
            Some(id) => self.change_rule(id, &rule)?["id"].as_i64(),
            None => self.new_rule(&rule)?["id"].as_i64(),
        };
        if let Some(kept) = id.and_then(|id| self.rules.get_mut(&id)) {
            (kept["object_type"], kept["enabled"]) = (kind, enabled);
        }
        Ok(())
    }

    fn put_object(&mut self, list: &str, mut object: Value, key: &str) {
        let all = match list {
            "scripts" => &mut self.scripts,
            "workflows" => &mut self.workflows,
            _ => &mut self.playbooks,
        };
        if let Some(known) = all.iter_mut().find(|known| known[key] == object[key]) {
            return overlay(known, &object);
        }
        object["id"] = json!(all.len() + 1);
        all.push(object);
    }
}
