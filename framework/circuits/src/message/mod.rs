//! The wire JSON of an action message (the platform's `ActionDataDTO`) or of a call of a function (`FunctionDataDTO`), with
//! typed access to the keys that handlers use and every other top-level key kept as it came.

mod destination;
mod head;
mod inputs;
mod subject;
mod text;
mod type_info;

use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(crate) use destination::DestinationName;
use head::{Head, Top};
pub(crate) use subject::Subject;
pub use type_info::TypeInfo;

use crate::{Error, Result};

/// The header by which the platform recognises an action's own changes.
pub(crate) const CONTEXT_TOKEN: &str = "Co3ContextToken";

/// What kind of object a rule ran on, by the platform's type ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectType {
    /// Type id 0.
    Incident,
    /// Type id 1.
    Task,
    /// Type id 2.
    Note,
    /// Type id 3.
    Milestone,
    /// Type id 4.
    Artifact,
    /// Type id 5.
    Attachment,
    /// Type id 8: a row of a data table.
    Row,
    /// Type id 13: an e-mail, which may belong to no incident.
    EmailMessage,
}

impl ObjectType {
    /// The object type of a platform type id; `None` for ids that carry no object in an action message.
    pub fn from_id(id: i64) -> Option<Self> {
        Some(match id {
            0 => Self::Incident,
            1 => Self::Task,
            2 => Self::Note,
            3 => Self::Milestone,
            4 => Self::Artifact,
            5 => Self::Attachment,
            8 => Self::Row,
            13 => Self::EmailMessage,
            _ => return None,
        })
    }

    /// The platform's type id.
    pub fn id(self) -> i64 {
        match self {
            Self::Incident => 0,
            Self::Task => 1,
            Self::Note => 2,
            Self::Milestone => 3,
            Self::Artifact => 4,
            Self::Attachment => 5,
            Self::Row => 8,
            Self::EmailMessage => 13,
        }
    }

    /// The key of the message that holds the object.
    pub fn key(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Task => "task",
            Self::Note => "note",
            Self::Milestone => "milestone",
            Self::Artifact => "artifact",
            Self::Attachment => "attachment",
            Self::Row => "row",
            Self::EmailMessage => "emailmessage",
        }
    }
}

/// Who invoked the rule (`user` in the message).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct User {
    /// The user's id on the platform.
    pub id: i64,
    /// The e-mail address the user logs in with.
    pub email: Option<String>,
    /// First name.
    pub fname: Option<String>,
    /// Last name.
    pub lname: Option<String>,
}

/// The account on whose behalf the rule ran: a user, an API key or the system (`principal` in the message).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Principal {
    /// The principal's id on the platform.
    pub id: i64,
    /// `user`, `apikey`, `system`, ...
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The account name.
    pub name: Option<String>,
    /// The name people see.
    pub display_name: Option<String>,
}

/// One action message: a JSON object whose keys the platform's `ActionDataDTO` names, or `FunctionDataDTO` if a workflow calls a
/// function.
///
/// It is kept as the text that came, and parsed when somebody first looks into it: a waiting message takes little
/// more memory than its bytes.
#[derive(Clone, Debug)]
pub struct ActionMessage {
    text: Box<str>,
    head: Head,
    /// The function that is called.
    function: Option<Box<str>>,
    fields: OnceLock<Map<String, Value>>,
}

impl ActionMessage {
    /// Reads a message body.
    ///
    /// Bytes that are not UTF-8 and lone UTF-16 surrogates become U+FFFD, as the platform is known to send both.
    ///
    /// # Errors
    /// When the body is not JSON, or is JSON but not an object; the text says where.
    pub fn parse(body: &[u8]) -> Result<Self, MalformedMessage> {
        match text::parse_tolerantly(body).map_err(MalformedMessage)? {
            (text, Top::Object(head)) => {
                let function = head.is_call.then(|| inputs::function(&text));
                Ok(Self { text, head, function, fields: OnceLock::new() })
            }
            (_, Top::Other(what)) => {
                Err(MalformedMessage(format!("the message body is {what}, not a JSON object")))
            }
        }
    }

    /// The value of the platform's `Co3MessagePayload` header for a message with this body.
    pub(crate) fn payload(body: &[u8]) -> &'static str {
        match Self::parse(body) {
            Ok(message) if message.function().is_some() => "FunctionDataDTO",
            _ => "ActionDataDTO",
        }
    }

    /// The message as JSON text.
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// Any top-level value by its key, including the known ones.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values().get(key).filter(|value| !value.is_null())
    }

    fn values(&self) -> &Map<String, Value> {
        // The text was read once without an error, so it can be read again.
        self.fields.get_or_init(|| serde_json::from_str(&self.text).unwrap_or_default())
    }

    /// The id of the rule that caused the message; absent in messages of old workflows.
    pub fn action_id(&self) -> Option<i64> {
        self.head.action_id
    }

    /// The API name of the function that a workflow or playbook calls, empty if the message names none; `None` in a rule's
    /// message.
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// The inputs of the function that is called, as a struct of the component's own: a choice as its name, rich text as its
    /// content, dates in milliseconds since 1970 UTC. An input without a value reads as absent.
    ///
    /// # Errors
    /// Names the input that is missing or has another type.
    pub fn inputs<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(Value::Object(inputs::plain(self.get("inputs"))))
            .map_err(|error| Error::new(format!("inputs of the function: {error}")))
    }

    /// What kind of object the rule ran on.
    pub fn object_type(&self) -> Option<ObjectType> {
        ObjectType::from_id(self.get("object_type").or_else(|| self.get("type_id"))?.as_i64()?)
    }

    /// The object the rule ran on: the task for a task rule, the artifact for an artifact rule, ... For a type that
    /// [`ObjectType`] does not name, it is the only object of the message that has an id and is neither the incident nor a user.
    pub fn object(&self) -> Option<&Value> {
        match self.object_type() {
            Some(known) => self.get(known.key()),
            None => subject::other_object(self.values().iter()),
        }
    }

    /// What the message is about, which decides the order of messages; `None` if it does not say.
    pub(crate) fn subject(&self) -> Option<Subject> {
        match (self.incident_id(), self.function()) {
            (Some(incident), _) => Some(Subject::Incident(incident)),
            (None, Some(_)) => None,
            (None, None) => Subject::of_object(self),
        }
    }

    /// The incident, which the platform also sets for everything below an incident.
    pub fn incident(&self) -> Option<&Value> {
        self.get("incident")
    }

    /// The incident's id. A function call does not name its incident: by convention a workflow passes the id as the input
    /// `incident_id`.
    pub fn incident_id(&self) -> Option<i64> {
        self.head.incident_id
    }

    /// The activity fields that the user filled in, as a struct of the component's own. A rule without activity fields
    /// (`properties: null`) reads as an empty object.
    ///
    /// # Errors
    /// Names the field that is missing or has another type.
    pub fn fields<T: DeserializeOwned>(&self) -> Result<T> {
        let properties = self.get("properties").cloned().unwrap_or_else(|| Value::Object(Map::new()));
        T::deserialize(properties)
            .map_err(|error| Error::new(format!("activity fields (properties) of the action: {error}")))
    }

    /// Who invoked the rule.
    pub fn user(&self) -> Option<User> {
        User::deserialize(self.get("user")?).ok()
    }

    /// The account on whose behalf the rule ran.
    pub fn principal(&self) -> Option<Principal> {
        Principal::deserialize(self.get("principal")?).ok()
    }

    /// Labels for the ids in this message.
    pub fn type_info(&self) -> TypeInfo<'_> {
        TypeInfo::new(self.get("type_info"))
    }
}

/// A message body that is not an action message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedMessage(String);

impl fmt::Display for MalformedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MalformedMessage {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(value: Value) -> ActionMessage {
        ActionMessage::parse(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn object_follows_the_object_type() {
        let message = message(
            json!({"object_type": 4, "incident": {"id": 1}, "artifact": {"value": "x"}, "task": null}),
        );
        assert_eq!(message.object().unwrap()["value"], "x");
        assert_eq!(message.incident_id(), Some(1));
        assert_eq!(message.get("task"), None);
    }

    #[test]
    fn activity_fields_name_what_is_missing() {
        #[derive(Debug, Deserialize)]
        struct Fields {
            task_name: String,
        }
        let ok: Fields = message(json!({"properties": {"task_name": "a"}})).fields().unwrap();
        assert_eq!(ok.task_name, "a");
        let error = message(json!({"properties": null})).fields::<Fields>().unwrap_err();
        assert!(error.to_string().contains("task_name"), "{error}");
    }

    #[test]
    fn what_is_no_object_is_refused_in_words() {
        for (body, text) in [
            ("[1]", "a JSON array"),
            ("null", "null"),
            ("7", "a JSON scalar"),
            ("", "not JSON"),
            ("{", "not JSON"),
        ] {
            let error = ActionMessage::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(text), "{body}: {error}");
        }
    }
}
