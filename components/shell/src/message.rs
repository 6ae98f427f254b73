//! The action message as JSON, for programs and for placeholders.

use circuits::message::ActionMessage;
use serde_json::{Map, Value};

/// What a message consists of.
pub(crate) const KEYS: [&str; 16] = [
    "action_id",
    "type_id",
    "object_type",
    "operation_type",
    "properties",
    "incident",
    "task",
    "artifact",
    "note",
    "milestone",
    "attachment",
    "row",
    "user",
    "principal",
    "workflow",
    "type_info",
];

pub(crate) fn json(message: &ActionMessage) -> Value {
    let values = KEYS.iter().filter_map(|key| Some(((*key).to_owned(), message.get(key)?.clone())));
    Value::Object(values.collect::<Map<_, _>>())
}
