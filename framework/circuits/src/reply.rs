//! What a handler answers, and the JSON the platform reads (`ActionAcknowledgementDTO`).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// The answer to one action: its text is what the analyst reads in the Action Status dialog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    message_type: u8,
    message: String,
    complete: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    results: Option<Value>,
}

impl Reply {
    /// The action is completed, with this text.
    pub fn completed(message: impl Into<String>) -> Self {
        Self { message_type: 0, message: message.into(), complete: true, results: None }
    }

    /// The result of a function, for the workflow or playbook that called it: what its scripts read as the output. Usually
    /// an object.
    pub fn results(results: impl Into<Value>) -> Self {
        Self { results: Some(results.into()), ..Self::completed("Completed") }
    }

    /// The action failed, with this text. Handlers usually return an [`Error`](crate::Error) instead, which becomes such a reply.
    pub fn error(message: impl Into<String>) -> Self {
        Self { message_type: 1, message: message.into(), complete: true, results: None }
    }

    /// What `trap_exception` turns the failure of a function into: a status for the analyst, and a result with which the
    /// workflow goes on.
    pub(crate) fn trapped(function: &str, error: &Error) -> (Self, Self) {
        let status =
            format!("The function `{function}` failed; the workflow goes on (trap_exception): {error}");
        let results = serde_json::json!({"success": false, "reason": error.to_string()});
        (Self::status(status), Self::results(results))
    }

    /// Progress: the action stays pending.
    pub(crate) fn status(message: impl Into<String>) -> Self {
        let message = message.into();
        let message = if message.is_empty() { "(No status)".to_owned() } else { message };
        Self { message_type: 0, message, complete: false, results: None }
    }

    /// Whether this is an error (`message_type: 1`).
    pub fn is_error(&self) -> bool {
        self.message_type == 1
    }

    /// Whether nothing comes after it (`complete: true`); otherwise the action stays pending.
    pub fn is_final(&self) -> bool {
        self.complete
    }

    /// The text the analyst reads.
    pub fn text(&self) -> &str {
        &self.message
    }

    /// The result that a function returned.
    pub fn output(&self) -> Option<&Value> {
        self.results.as_ref()
    }

    /// The wire form.
    pub(crate) fn to_json(&self) -> Bytes {
        // Serialising numbers, a string and JSON cannot fail.
        Bytes::from(serde_json::to_vec(self).unwrap_or_default())
    }
}

impl From<&str> for Reply {
    fn from(message: &str) -> Self {
        Self::completed(message)
    }
}

impl From<String> for Reply {
    fn from(message: String) -> Self {
        Self::completed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_forms() {
        let wire = |reply: Reply| String::from_utf8(reply.to_json().to_vec()).unwrap();
        assert_eq!(wire(Reply::completed("Done")), r#"{"message_type":0,"message":"Done","complete":true}"#);
        assert_eq!(wire(Reply::error("No")), r#"{"message_type":1,"message":"No","complete":true}"#);
        assert_eq!(
            wire(Reply::results(serde_json::json!({"found": true}))),
            r#"{"message_type":0,"message":"Completed","complete":true,"results":{"found":true}}"#
        );
        assert_eq!(wire(Reply::status("")), r#"{"message_type":0,"message":"(No status)","complete":false}"#);
    }
}
