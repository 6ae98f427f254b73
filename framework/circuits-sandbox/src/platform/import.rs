//! What an accepted import does: objects that are not there are created, those that are stay.
use serde_json::{Value, json};

use super::Account;
use super::state::State;
use crate::api_error::ApiError;

impl State {
    /// Takes the objects of an export over, in the order in which they name each other.
    pub(crate) fn import(&mut self, export: &Value, account: &Account) -> Result<(), ApiError> {
        let all = |kind: &str| export[kind].as_array().cloned().unwrap_or_default();
        for mut destination in all("message_destinations") {
            // Whom the exporting platform let read it is nobody here.
            (destination["users"], destination["api_keys"]) = (json!([]), json!([]));
            let name = destination["programmatic_name"].as_str().unwrap_or_default();
            if self.destination_named(name).is_none() {
                self.new_destination(&destination)?;
            }
        }
        for kind in all("types") {
            let name = kind["type_name"].as_str().unwrap_or_default().to_owned();
            if !self.types.0.contains_key(&name) {
                self.new_type(&kind)?;
            }
        }
        for field in all("fields") {
            let kind = match field["type_id"].as_i64() {
                // The platform's own fields come with an export too.
                Some(0) if field["prefix"] == "properties" => "incident",
                Some(6) => "actioninvocation",
                Some(11) => "__function",
                _ => continue,
            };
            let is = |known: &Value| known["name"] == field["name"];
            if !self.types.fields(kind).any(is) {
                self.new_field(kind, &field)?;
            }
        }
        for function in all("functions") {
            if !self.functions.values().any(|known| known["name"] == function["name"]) {
                self.new_function(function, account)?;
            }
        }
        for rule in all("actions") {
            let name = rule["name"].as_str().unwrap_or_default().to_owned();
            if self.rule_named(&name).is_none() {
                self.import_rule(rule)?;
            }
        }
        for script in all("scripts") {
            put_in(&mut self.scripts, script, "name");
        }
        for workflow in all("workflows") {
            put_in(&mut self.workflows, workflow, "programmatic_name");
        }
        Ok(())
    }

    /// A rule may act on objects that the sandbox does not play, such as rows of a data table: it is kept and never fires.
    fn import_rule(&mut self, mut rule: Value) -> Result<(), ApiError> {
        let kind = rule["object_type"].clone();
        if super::Kind::from_handle(&kind).is_none() {
            rule["object_type"] = json!(0);
            rule["enabled"] = json!(false);
        }
        self.new_rule(&rule).map(drop)
    }
}

fn put_in(all: &mut Vec<Value>, mut object: Value, key: &str) {
    if !all.iter().any(|known| known[key] == object[key]) {
        object["id"] = json!(all.len() + 1);
        all.push(object);
    }
}
