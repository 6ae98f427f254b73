//! Commands as they come: JSON objects whose `command` is matched without case.

use serde_json::{Map, Value, json};

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// Is the runner there?
    Heartbeat,
    /// An HTTP request.
    RunService(Map<String, Value>),
    /// None that there is, or one that is not whole; with the text of the answer.
    Wrong(String),
}

impl Command {
    pub(crate) fn read(body: &[u8]) -> Self {
        let object: Map<String, Value> = match serde_json::from_slice(body) {
            Ok(object) => object,
            Err(error) => return Self::Wrong(format!("a command is a JSON object: {error}")),
        };
        let Some(name) = object.get("command").and_then(Value::as_str) else {
            return Self::Wrong("`command` must be the name of a command".to_owned());
        };
        // As in the original, a number may be written as text.
        let whole = |id: &Value| {
            id.is_i64() || id.as_str().is_some_and(|id| id.is_empty() || id.parse::<i64>().is_ok())
        };
        if object.get("triggerId").is_some_and(|id| !id.is_null() && !whole(id)) {
            return Self::Wrong("`triggerId` must be a whole number".to_owned());
        }
        match name.to_ascii_lowercase().as_str() {
            "heartbeat" => Self::Heartbeat,
            "runservice" => Self::RunService(object),
            _ => Self::Wrong(format!(
                "there is no command `{}`; there are Heartbeat and RunService",
                shown(name)
            )),
        }
    }
}

/// The answer to what is not a command.
pub(crate) fn failed(text: &str) -> Value {
    json!({"command": "Acknowledged", "status": "Failed", "message": text})
}

/// As much of a name as belongs into a text.
fn shown(name: &str) -> String {
    name.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_what_is_wrong_is_told() {
        assert_eq!(Command::read(br#"{"command": "hEARTBEAT", "triggerId": "7"}"#), Command::Heartbeat);
        assert!(matches!(Command::read(br#"{"command": "runservice"}"#), Command::RunService(_)));
        for (body, says) in [
            ("not json", "a JSON object"),
            ("", "a JSON object"),
            ("[]", "a JSON object"),
            ("{}", "`command` must be"),
            (r#"{"command": 7}"#, "`command` must be"),
            (r#"{"command": "Nope"}"#, "there is no command `Nope`"),
            (r#"{"command": "Heartbeat", "triggerId": "abc"}"#, "`triggerId` must be a whole number"),
            (r#"{"command": "a\nb"}"#, "`a\\nb`"),
        ] {
            match Command::read(body.as_bytes()) {
                Command::Wrong(text) => assert!(text.contains(says), "{body}: {text}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
