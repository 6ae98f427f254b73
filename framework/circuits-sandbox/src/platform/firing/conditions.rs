//! When a rule fires: its conditions, compared on the object before and after a change.
use serde_json::Value;

use crate::platform::definitions::Types;
use crate::platform::kind::Kind;

/// The change on which conditions are checked.
pub(crate) struct Change<'a> {
    pub(crate) kind: Kind,
    /// The object before the change; `None` when it was just created.
    pub(crate) before: Option<&'a Value>,
    pub(crate) after: &'a Value,
    pub(crate) incident: &'a Value,
}

impl Types {
    /// Whether a rule's conditions hold: all of them, or any with `logic_type` `any`.
    pub(crate) fn conditions_hold(&self, rule: &Value, change: &Change<'_>) -> bool {
        let conditions = rule["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut held = conditions.iter().map(|condition| self.holds(condition, change));
        if rule["logic_type"] == "any" && !conditions.is_empty() {
            held.any(|held| held)
        } else {
            held.all(|held| held)
        }
    }

    /// Whether an incident passes one filter of a query.
    pub(crate) fn filter_holds(&self, filter: &Value, incident: &Value) -> bool {
        let change = Change { kind: Kind::Incident, before: Some(incident), after: incident, incident };
        let conditions = filter["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().all(|condition| self.holds(condition, &change))
    }

    fn holds(&self, condition: &Value, change: &Change<'_>) -> bool {
        let method = condition["method"].as_str().unwrap_or_default();
        if matches!(method, "object_added" | "object_created") {
            return change.before.is_none();
        }
        let field = condition["field_name"].as_str().unwrap_or_default();
        let named =
            field.split_once('.').filter(|(root, _)| Kind::from_handle(&Value::from(*root)).is_some());
        let (root, path) = named.unwrap_or((change.kind.name(), field));
        let own = root == change.kind.name();
        let after = at(if own { change.after } else { change.incident }, path);
        // The incident of a task did not change because the task did.
        let before = if own { change.before.map_or(&Value::Null, |before| at(before, path)) } else { after };
        let wanted = self.value_of(root, path, &condition["value"]);
        let changed = before != after;
        match method {
            "changed" => changed,
            "changed_to" => changed && *after == wanted,
            "not_changed_to" => changed && *after != wanted,
            "equals" => *after == wanted,
            "not_equals" => *after != wanted,
            "contains" | "includes" | "includes_hierarchical" => contains(after, &wanted),
            "not_contains" | "not_includes" => !contains(after, &wanted),
            "in" => contains(&wanted, after),
            "not_in" => !contains(&wanted, after),
            "value_added" => changed && added(before, after, &wanted),
            "value_removed" => changed && added(after, before, &wanted),
            "has_a_value" => has_value(after),
            "not_has_a_value" => !has_value(after),
            other => {
                tracing::warn!(method = other, "The sandbox does not know this condition; it never holds.");
                false
            }
        }
    }
}

/// The value at a dotted path; null if there is none.
pub(crate) fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, key| value.get(key).unwrap_or(&Value::Null))
}

/// Whether a list or a text contains the value, or any of a list of values.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (_, Value::Array(parts)) => parts.iter().any(|part| contains(whole, part)),
        (Value::Array(list), part) => list.contains(part),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

fn added(before: &Value, after: &Value, wanted: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let before = list(before);
    let new: Vec<Value> = list(after).into_iter().filter(|value| !before.contains(value)).collect();
    if wanted.is_null() { !new.is_empty() } else { contains(&Value::Array(new), wanted) }
}

fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    }
}
