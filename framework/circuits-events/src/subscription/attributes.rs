//! The rules of CloudEvents 1.0 for the names of attributes.

use serde_json::Value;

/// Names with a meaning of their own. No extension may take one.
const RESERVED: [&str; 10] = [
    "specversion",
    "id",
    "source",
    "type",
    "datacontenttype",
    "dataschema",
    "subject",
    "time",
    "data",
    "data_base64",
];

/// Whether CloudEvents gives this name a meaning.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Whether an attribute may be called so.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Whether an extension may have this value: text, a truth value or an integer of 32 bits.
pub(crate) fn is_value(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// The beginning of something that somebody sent, fit for a message.
pub(crate) fn short(text: &str) -> String {
    const LENGTH: usize = 60;
    let shown: String = text.chars().take(LENGTH).flat_map(char::escape_debug).collect();
    if text.chars().nth(LENGTH).is_some() { format!("{shown}…") } else { shown }
}
