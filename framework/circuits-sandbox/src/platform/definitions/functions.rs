//! Functions: what workflows call.
use serde_json::{Value, json};

use super::{Definitions, overlay, own_uuid, text};
use crate::api_error::ApiError;
use crate::clock::now;
use crate::platform::identity::Account;

impl Definitions {
    pub(crate) fn functions(&self) -> impl Iterator<Item = &Value> {
        self.functions.values()
    }

    pub(crate) fn function(&self, id: i64) -> Result<&Value, ApiError> {
        self.functions.get(&id).ok_or_else(|| ApiError::missing("function", id))
    }

    pub(crate) fn function_named(&self, name: &str) -> Option<i64> {
        self.functions.iter().find(|(_, function)| function["name"] == name).map(|(id, _)| *id)
    }

    /// Creates a function.
    pub(crate) fn new_function(&mut self, body: Value, account: &Account) -> Result<Value, ApiError> {
        let name = text(&body, "name").ok_or_else(|| ApiError::required("name", "name", "text"))?;
        if self.function_named(&name).is_some() {
            return Err(ApiError::bad(format!("There is already a function {name:?}.")));
        }
        let (id, body_uuid) = (self.ids.next(), own_uuid(&body));
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
            ("last_modified_time", now()),
        ] {
            function[key] = value;
        }
        self.functions.insert(id, function.clone());
        Ok(function)
    }

    /// Replaces a function with the given one; it keeps its id.
    pub(crate) fn change_function(&mut self, id: i64, body: &Value) -> Result<Value, ApiError> {
        let function = self.functions.get_mut(&id).ok_or_else(|| ApiError::missing("function", id))?;
        overlay(function, body);
        Ok(function.clone())
    }
}
