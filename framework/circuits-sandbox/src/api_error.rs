//! The platform's refusals: an HTTP status and the JSON that its REST API answers with.
use serde_json::{Value, json};

/// A refused request. The JSON has the shape shown in the developer's guide, "Example: creating an incident".
#[derive(Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) hints: Vec<Value>,
}

impl ApiError {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hints: Vec::new() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub(crate) fn missing(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(404, format!("Unable to find object with ID {id} of type {what}"))
    }

    /// 409: the object changed since it was read.
    pub(crate) fn stale(what: &str, id: i64) -> Self {
        Self::new(409, format!("The {what} {id} was changed by somebody else since it was read."))
    }

    /// 400 with the hint that names the field.
    pub(crate) fn required(name: &str, label: &str, kind: &str) -> Self {
        let hint =
            json!({"field_defs": [{"name": name, "type": kind, "required": true}], "error_code": "generic"});
        Self { hints: vec![hint], ..Self::bad(format!("Field {label} is required.")) }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "success": false,
            "title": null,
            "message": self.message,
            "hints": self.hints,
            "error_code": "generic",
        })
    }
}
