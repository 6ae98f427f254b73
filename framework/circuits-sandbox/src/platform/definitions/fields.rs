//! Types (the platform says data tables) and fields: creating them, changing them, giving them values.
use std::collections::BTreeMap;

use serde_json::Value;

use super::types::{TypeDef, field, select_value};
use super::{Definitions, own_uuid, text};
use crate::api_error::ApiError;

impl Definitions {
    /// Creates a type (the platform says data table) with its fields.
    pub(crate) fn new_type(&mut self, body: &Value) -> Result<String, ApiError> {
        let name =
            text(body, "type_name").ok_or_else(|| ApiError::required("type_name", "type name", "text"))?;
        if self.types.0.contains_key(&name) {
            return Err(ApiError::bad(format!("There is already a type {name:?}.")));
        }
        let id = self.ids.next();
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
    pub(in crate::platform) fn new_field(
        &mut self,
        type_name: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let name = text(body, "name").ok_or_else(|| ApiError::required("name", "name", "text"))?;
        let def = self.types.0.get(type_name).ok_or_else(|| ApiError::missing("type", type_name))?;
        if def.fields.values().any(|field| field["name"] == name) {
            return Err(ApiError::bad(format!("There is already a field {name:?} on {type_name}.")));
        }
        let type_id = def.id;
        let id = self.ids.next();
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

    /// Sets the given properties of a field; select values without a number get one.
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
                let number = number.cloned().unwrap_or_else(|| self.ids.next().into());
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
}
