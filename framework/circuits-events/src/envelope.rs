//! Makes a CloudEvents 1.0 event of what the journal noted. The same entry always gives the same event, with the same id.

use circuits::journal::Outcome;
use circuits::message::ActionMessage;
use circuits::outbox::{Noted, NotedMessage};
use circuits::signal::{
    AboutAction, AboutIncident, AboutMessage, AboutOrg, AboutRule, ActionAnswered, ActionCompleted,
    ActionFailed, ActionReceived, ActionResult, ActionSetAside, ActionStarted,
};
use circuits::{EventKind, Reply};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Of a message that is larger than this, an event has only what the runner says of it.
const LARGEST: usize = 1 << 20;
/// Keys of a message that no receiver needs: labels for the platform's own pages, of up to a megabyte.
const LEFT_OUT: &[&str] = &["type_info"];

/// The event, from the runner on the host with this name.
pub fn event(noted: &Noted, host: &str) -> Value {
    let mut data = match &noted.message {
        Some(message) => about_message(noted.kind, message),
        None => Map::new(),
    };
    data.insert("runner".to_owned(), json!({ "id": host }));
    if let Ok(Value::Object(more)) = serde_json::from_str::<Value>(&noted.data) {
        data.extend(more);
    }
    let (source, subject) = match &noted.message {
        Some(message) => (source(&message.destination), message.rule.clone()),
        None => (format!("/runners/{host}"), None),
    };
    let mut event = json!({
        "specversion": "1.0",
        "id": id(noted).to_string(),
        "source": source,
        "type": noted.kind.event_type(),
        "time": time(noted),
        "datacontenttype": "application/json",
    });
    if let Some(subject) = subject.filter(|subject| !subject.is_empty()) {
        event["subject"] = Value::String(subject);
    }
    event["data"] = Value::Object(data);
    event
}

/// The event's id. It depends on nothing but what is in the journal, so it is the same after a crash.
pub fn id(noted: &Noted) -> Uuid {
    let message = noted.message.as_ref().map_or("", |message| &message.id);
    let name = format!("circuits\n{}\n{message}\n{}", noted.kind.name(), noted.nonce);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

/// The key under which an event is stored: the id of the runner's own, and for events from outside a UUID made of source and id,
/// which together identify an event (CloudEvents 1.0, "id").
pub fn key(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    if EventKind::parse(text("type")).is_some() {
        return text("id").to_owned();
    }
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}\n{}", text("source"), text("id")).as_bytes()).to_string()
}

fn time(noted: &Noted) -> String {
    // Times of the journal are those of this machine's clock, which jiff can express.
    let time = Timestamp::try_from(noted.at).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

fn source(destination: &str) -> String {
    let (org, queue) = parts(destination);
    match org {
        Some(org) => format!("/orgs/{org}/destinations/{queue}"),
        None => format!("/destinations/{queue}"),
    }
}

/// Organisation and programmatic name of `actions.<org>.<name>`; of another name, all of it.
fn parts(destination: &str) -> (Option<i64>, &str) {
    let mut parts = destination.splitn(3, '.').skip(1);
    match (parts.next().and_then(|org| org.parse().ok()), parts.next()) {
        (Some(org), Some(queue)) => (Some(org), queue),
        _ => (None, destination),
    }
}

fn about_message(kind: EventKind, message: &NotedMessage) -> Map<String, Value> {
    let read = ActionMessage::parse(&message.body).ok();
    let objects = read
        .as_ref()
        .filter(|_| message.body.len() <= LARGEST)
        .and_then(|read| serde_json::from_str::<Map<_, _>>(read.as_json()).ok());
    let (org, queue) = parts(&message.destination);
    let incident = message.incident.or_else(|| read.as_ref().and_then(ActionMessage::incident_id));
    let about = AboutAction {
        message: AboutMessage { id: message.id.clone(), destination: message.destination.clone() },
        action: AboutRule {
            name: message.rule.clone(),
            function: read.as_ref().and_then(|read| read.function().map(str::to_owned)),
            id: read.as_ref().and_then(ActionMessage::action_id),
            attempt: message.attempts,
        },
        queue: queue.to_owned(),
        org: AboutOrg { id: org },
        incident: incident.map(|id| AboutIncident { id }),
    };
    let mut facts = facts(kind, about, message);
    for (name, value) in objects.into_iter().flatten() {
        // The platform's incident says more than its id; nothing else of a message may stand for something of ours.
        let free = name == "incident" || !facts.contains_key(&name);
        if free && !value.is_null() && !LEFT_OUT.contains(&name.as_str()) {
            facts.insert(name, value);
        }
    }
    facts
}

fn facts(kind: EventKind, about: AboutAction, message: &NotedMessage) -> Map<String, Value> {
    let result = message.reply.as_ref().map(|(reply, outcome)| result(message, reply, *outcome));
    let error = || result.as_ref().map_or_else(String::new, |result| result.message.clone());
    match (kind, result.clone()) {
        (EventKind::ActionStarted, _) => object(&ActionStarted { about }),
        (EventKind::ActionCompleted, Some(result)) => object(&ActionCompleted { about, result }),
        (EventKind::ActionFailed, Some(result)) => object(&ActionFailed { about, result, error: error() }),
        (EventKind::ActionSetAside, Some(result)) => {
            object(&ActionSetAside { about, result, error: error() })
        }
        (EventKind::ActionAnswered, result) => object(&ActionAnswered { about, result }),
        // What progress and waiting say is in the entry.
        _ => object(&ActionReceived { about }),
    }
}

fn result(message: &NotedMessage, reply: &Reply, outcome: Outcome) -> ActionResult {
    let took =
        message.started.zip(message.finished).and_then(|(began, ended)| ended.duration_since(began).ok());
    ActionResult {
        message: reply.text().to_owned(),
        status: outcome.status(reply.is_error()),
        took_ms: took.map_or(0, |took| took.as_millis() as u64),
    }
}

/// Structs of text and numbers always become objects.
fn object(facts: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(facts) {
        Ok(Value::Object(facts)) => facts,
        _ => Map::new(),
    }
}
