//! What a message is about. Messages about the same subject are handled in the order in which they came.

use std::fmt;

use serde_json::Value;

use super::ActionMessage;

/// An incident, or an object that belongs to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// By its id.
    Incident(i64),
    /// An e-mail, an object of the organisation, ...
    Object {
        /// The platform's type id.
        kind: i64,
        /// The object's id.
        id: i64,
    },
}

impl Subject {
    /// The object of a message that has no incident.
    pub(super) fn of_object(message: &ActionMessage) -> Option<Self> {
        let kind = message.get("object_type").or_else(|| message.get("type_id"))?.as_i64()?;
        let id = message.object().and_then(|object| object["id"].as_i64())?;
        Some(Self::Object { kind, id })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incident(id) => write!(f, "{id}"),
            Self::Object { kind, id } => write!(f, "object {id} of type {kind}"),
        }
    }
}

/// The object of a type that this library does not know: the only one in the message that has an id, apart from the objects
/// that say where the message comes from.
pub(super) fn other_object<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>) -> Option<&'a Value> {
    const OTHERS: [&str; 6] =
        ["incident", "user", "principal", "workflow", "workflow_instance", "playbook_instance"];
    let mut objects = fields
        .filter(|(key, value)| !OTHERS.contains(&key.as_str()) && value["id"].is_i64())
        .map(|(_, value)| value);
    let only = objects.next()?;
    objects.next().is_none().then_some(only)
}
