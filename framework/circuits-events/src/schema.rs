//! The JSON Schema of each type of event, made from the structs that the events are made of.

use circuits::EventKind;
use circuits::signal::{
    ActionAnswered, ActionCompleted, ActionFailed, ActionProgress, ActionReceived, ActionSetAside,
    ActionStarted, ActionWaiting, BrokerDisconnected, DestinationSubscribed, RunnerReady, RunnerStopping,
};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

/// A subscription was switched off after too many failures.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
pub(crate) struct SubscriptionDisabled {
    /// The subscription.
    pub(crate) subscription: AboutSubscription,
}

/// A subscription that was switched off.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
pub(crate) struct AboutSubscription {
    /// Its id.
    pub(crate) uuid: String,
    /// Its name.
    pub(crate) name: String,
    /// Whose it is.
    pub(crate) user: String,
    /// Why it was switched off.
    pub(crate) error: String,
}

/// The kind that a mistyped name or event type is most likely meant to be.
pub fn nearest(text: &str) -> Option<EventKind> {
    let known: Vec<_> =
        EventKind::ALL.into_iter().flat_map(|kind| [kind.name().to_owned(), kind.event_type()]).collect();
    EventKind::parse(circuits::config::nearest(text, known.iter().map(String::as_str))?)
}

/// The JSON Schema (draft 2020-12) of a whole event of this kind.
///
/// `data` of an event about an action also holds the objects that the platform sent with the message, under their own names:
/// `incident`, `task`, `artifact`, `user`, …
pub fn schema(kind: EventKind) -> Value {
    let data = match kind {
        EventKind::ActionReceived => schema_for!(ActionReceived),
        EventKind::ActionStarted => schema_for!(ActionStarted),
        EventKind::ActionProgress => schema_for!(ActionProgress),
        EventKind::ActionWaiting => schema_for!(ActionWaiting),
        EventKind::ActionCompleted => schema_for!(ActionCompleted),
        EventKind::ActionFailed => schema_for!(ActionFailed),
        EventKind::ActionSetAside => schema_for!(ActionSetAside),
        EventKind::ActionAnswered => schema_for!(ActionAnswered),
        EventKind::RunnerReady => schema_for!(RunnerReady),
        EventKind::RunnerStopping => schema_for!(RunnerStopping),
        EventKind::DestinationSubscribed => schema_for!(DestinationSubscribed),
        EventKind::BrokerDisconnected => schema_for!(BrokerDisconnected),
        _ => schema_for!(SubscriptionDisabled),
    };
    let mut data = data.to_value();
    let about = data["description"].as_str().unwrap_or_default().to_owned();
    let mut definitions = Value::Null;
    if let Some(data) = data.as_object_mut() {
        data.remove("$schema");
        definitions = data.remove("$defs").unwrap_or_default();
        data.insert("additionalProperties".to_owned(), Value::Bool(true));
    }
    data["properties"]["runner"] = json!({
        "type": "object",
        "description": "The runner.",
        "properties": {"id": {"type": "string", "description": "The name of its host."}},
        "required": ["id"],
    });
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.event_type(),
        "description": about,
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "format": "uuid", "description": "The same in every delivery of the event."},
            "source": {"type": "string", "format": "uri-reference"},
            "type": {"const": kind.event_type()},
            "subject": {"type": "string", "description": "The rule or function, once it is known."},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "data": data,
        },
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
    });
    if !definitions.is_null() {
        schema["$defs"] = definitions;
    }
    schema
}
