//! The message as a CloudEvents 1.0 event, which a program finds in `notification.json`.

use circuits::EventKind;
use circuits::prelude::*;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// The source of events about messages of this queue.
pub(crate) fn source(org: i64, queue: &str) -> String {
    format!("/orgs/{org}/destinations/{queue}")
}

/// The event; each delivery of a message makes the same.
///
/// # Errors
/// When the message cannot be read.
pub(crate) fn event(source: &str, action: &Action) -> Result<Value> {
    let sent = action.header("timestamp").and_then(|text| text.parse().ok());
    let time = sent.and_then(|sent| Timestamp::from_millisecond(sent).ok()).unwrap_or_else(Timestamp::now);
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{source}/{}", action.key()).as_bytes());
    let mut event = json!({
        "specversion": "1.0",
        "id": id.to_string(),
        "source": source,
        "type": EventKind::ActionReceived.event_type(),
        "time": time.to_string(),
        "datacontenttype": "application/json",
        "data": serde_json::from_str::<Value>(action.message().as_json())?,
    });
    // An attribute must not be null.
    if let Some(rule) = action.rule() {
        event["subject"] = rule.into();
    }
    Ok(event)
}
