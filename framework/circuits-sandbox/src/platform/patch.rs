//! PATCH: changes field by field, each checked against the value its author saw (PatchDTO and PatchStatus).
use serde_json::{Value, json};

use super::State;
use super::definitions::path;
use super::firing::at;
use super::kind::Kind;
use crate::api_error::ApiError;

impl State {
    /// The patched object, or the PatchStatus that lists the conflicts (nothing is changed then).
    pub(crate) fn patched(
        &self,
        kind: Kind,
        id: i64,
        patch: &Value,
    ) -> Result<Result<Value, Value>, ApiError> {
        let current = self.objects.find(kind, id)?;
        let changes = patch["changes"].as_array().filter(|changes| !changes.is_empty());
        let changes = changes.ok_or_else(|| ApiError::bad("A patch needs a list of changes."))?;
        let (mut failures, mut body) = (Vec::new(), json!({}));
        for change in changes {
            let path = self.path_of(kind, &change["field"])?;
            let convert =
                |value: &Value| self.definitions.types().value_of(kind.name(), &path, content(value));
            let (old, new) = (convert(&change["old_value"]), convert(&change["new_value"]));
            let actual = at(current, &path);
            if *actual != old {
                failures.push(json!({
                    "field": change["field"],
                    "your_original_value": content(&change["old_value"]),
                    "actual_current_value": actual,
                }));
            }
            match path.split_once('.') {
                Some((prefix, name)) => body[prefix][name] = new,
                None => body[&path] = new,
            }
        }
        if !failures.is_empty() {
            let message = "Some of the fields were changed by somebody else.";
            return Ok(Err(
                json!({"success": false, "title": null, "message": message, "field_failures": failures}),
            ));
        }
        self.changed(kind, id, body).map(Ok)
    }

    /// The path of a field named by API name, dotted name or id.
    fn path_of(&self, kind: Kind, handle: &Value) -> Result<String, ApiError> {
        let handle = handle.get("name").or(handle.get("id")).unwrap_or(handle);
        let found = self
            .definitions
            .types()
            .fields(kind.name())
            .find(|field| field["id"] == *handle || field["name"] == *handle || *handle == *path(field));
        let found = found.map(path);
        found.ok_or_else(|| ApiError::bad(format!("There is no field {handle} on an {}.", kind.name())))
    }
}

/// The content of `{"object": ..}`, `{"text": ..}`, `{"id": ..}` and the like: the only value in them.
fn content(value: &Value) -> &Value {
    match value {
        Value::Object(map) if map.len() == 1 => map.values().next().unwrap_or(&Value::Null),
        other => other,
    }
}
