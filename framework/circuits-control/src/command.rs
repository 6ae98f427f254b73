//! Commands as they come: JSON objects whose `command` is matched without case.

use circuits::config::LogLevel;
use serde_json::{Map, Value, json};

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// Is the runner there?
    Heartbeat,
    /// Does the broker bring what is sent?
    BrokerCheck,
    /// Log from this level on.
    LoggingChange(LogLevel),
    /// Stop in an orderly way.
    Shutdown {
        /// Why, for the log.
        reason: Option<String>,
    },
    /// Begin nothing on this destination.
    Pause(String),
    /// Go on there.
    Resume(String),
    /// An HTTP request.
    RunService(Map<String, Value>),
    /// An answer, which nobody answers.
    Acknowledged,
    /// None that there is, or one that is not whole.
    Wrong {
        /// The name of the command, if there is one of this name.
        kind: Option<&'static str>,
        /// What is wrong.
        text: String,
    },
}

/// Those that others may give.
const NAMES: [&str; 7] =
    ["Heartbeat", "BrokerCheck", "LoggingChange", "Shutdown", "Pause", "Resume", "RunService"];

impl Command {
    pub(crate) fn read(body: &[u8]) -> Self {
        let wrong = |text: String| Self::Wrong { kind: None, text };
        let object: Map<String, Value> = match serde_json::from_slice(body) {
            Ok(object) => object,
            Err(error) => return wrong(format!("a command is a JSON object: {error}")),
        };
        let Some(name) = object.get("command").and_then(Value::as_str) else {
            return wrong("`command` must be the name of a command".to_owned());
        };
        if name.eq_ignore_ascii_case("Acknowledged") {
            return Self::Acknowledged;
        }
        let Some(kind) = NAMES.into_iter().find(|one| one.eq_ignore_ascii_case(name)) else {
            return wrong(format!("there is no command `{}`; there are {}", shown(name), NAMES.join(", ")));
        };
        Self::of(kind, object).unwrap_or_else(|text| Self::Wrong { kind: Some(kind), text })
    }

    fn of(kind: &'static str, object: Map<String, Value>) -> Result<Self, String> {
        // As in the original, a number may be written as text.
        let whole = |id: &Value| {
            id.is_i64() || id.as_str().is_some_and(|id| id.is_empty() || id.parse::<i64>().is_ok())
        };
        if object.get("triggerId").is_some_and(|id| !id.is_null() && !whole(id)) {
            return Err("`triggerId` must be a whole number".to_owned());
        }
        let text = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let destination =
            || text("destination").map(str::to_owned).ok_or("`destination` must name a message destination");
        Ok(match kind {
            "Heartbeat" => Self::Heartbeat,
            "BrokerCheck" => Self::BrokerCheck,
            "LoggingChange" => {
                let level = text("level").and_then(|level| level.parse().ok());
                let names = LogLevel::NAMES;
                Self::LoggingChange(level.ok_or_else(|| format!("`level` must be one of {names}"))?)
            }
            "Shutdown" => Self::Shutdown { reason: text("reason").map(shown) },
            "Pause" => Self::Pause(destination()?),
            "Resume" => Self::Resume(destination()?),
            _ => Self::RunService(object),
        })
    }
}

/// The answer to a command that was carried out.
pub(crate) fn done(kind: &str) -> Value {
    json!({"command": "Acknowledged", "status": "Success", "type": kind})
}

/// The answer to what is not a command, or could not be carried out.
pub(crate) fn failed(kind: Option<&str>, text: &str) -> Value {
    let mut answer = json!({"command": "Acknowledged", "status": "Failed", "message": text});
    if let Some(kind) = kind {
        answer["type"] = kind.into();
    }
    answer
}

/// As much of a text of others as belongs into a line.
fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_what_is_wrong_is_told() {
        assert_eq!(Command::read(br#"{"command": "hEARTBEAT", "triggerId": "7"}"#), Command::Heartbeat);
        assert_eq!(
            Command::read(br#"{"command": "LOGGINGCHANGE", "level": "debug"}"#),
            Command::LoggingChange(LogLevel::Debug)
        );
        assert_eq!(
            Command::read(br#"{"command": "Shutdown", "reason": "a\nb"}"#),
            Command::Shutdown { reason: Some("a\\nb".to_owned()) }
        );
        assert!(matches!(Command::read(br#"{"command": "runservice"}"#), Command::RunService(_)));
        for (body, says) in [
            ("not json", "a JSON object"),
            ("", "a JSON object"),
            ("[]", "a JSON object"),
            ("{}", "`command` must be"),
            (r#"{"command": 7}"#, "`command` must be"),
            (r#"{"command": "Nope"}"#, "there is no command `Nope`"),
            (r#"{"command": "Heartbeat", "triggerId": "abc"}"#, "`triggerId` must be a whole number"),
            (r#"{"command": "LoggingChange", "level": "LOUD"}"#, "one of DEBUG, INFO"),
            (r#"{"command": "LoggingChange"}"#, "one of DEBUG, INFO"),
            (r#"{"command": "Pause"}"#, "`destination` must name"),
            (r#"{"command": "a\nb"}"#, "`a\\nb`"),
        ] {
            match Command::read(body.as_bytes()) {
                Command::Wrong { text, .. } => assert!(text.contains(says), "{body}: {text}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }
}
