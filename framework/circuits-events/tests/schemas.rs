//! The schemas in `schemas/` are those of the structs, and events are what they say. `CIRCUITS_RENEW=1` writes the files anew.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::path::Path;
use std::time::{Duration, SystemTime};

use circuits::journal::Outcome;
use circuits::outbox::{Noted, NotedMessage};
use circuits::{EventKind, Reply};
use circuits_events::envelope::event;
use circuits_events::schema::schema;
use serde_json::{Value, json};

fn file(kind: EventKind) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    folder.join(format!("{}.json", kind.event_type()))
}

#[test]
fn the_files_are_the_schemas_of_the_types() {
    for kind in EventKind::ALL {
        let made = format!("{:#}\n", schema(kind));
        if std::env::var_os("CIRCUITS_RENEW").is_some() {
            std::fs::write(file(kind), &made).unwrap();
        }
        let stored = std::fs::read_to_string(file(kind)).unwrap_or_default();
        assert_eq!(stored, made, "run CIRCUITS_RENEW=1 cargo test -p circuits-events --test schemas");
    }
    let files = std::fs::read_dir(file(EventKind::RunnerReady).parent().unwrap()).unwrap().count();
    assert_eq!(files, EventKind::ALL.len(), "one file for each type");
}

fn noted(kind: EventKind) -> Noted {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let failed = matches!(kind, EventKind::ActionFailed | EventKind::ActionSetAside);
    let outcome = if kind == EventKind::ActionSetAside { Outcome::SetAside } else { Outcome::Answered };
    let reply = if failed { Reply::error("no") } else { Reply::completed("yes") };
    let finished = matches!(
        kind,
        EventKind::ActionCompleted
            | EventKind::ActionFailed
            | EventKind::ActionSetAside
            | EventKind::ActionAnswered
    );
    let message = NotedMessage {
        id: "ID:broker-1:1".to_owned(),
        destination: "actions.201.ticket".to_owned(),
        rule: Some("Escalate".to_owned()),
        incident: Some(2496),
        attempts: 1,
        started: Some(at),
        finished: finished.then(|| at + Duration::from_millis(12)),
        body: json!({
            "action_id": 42, "type_info": {"large": true}, "incident": {"id": 2496, "name": "{{user.id}}"},
            "user": {"id": 5, "email": "a@example.com"}, "artifact": null, "queue": "not ours to replace"
        })
        .to_string()
        .into_bytes()
        .into(),
        reply: finished.then_some((reply, outcome)),
    };
    let data = match kind {
        EventKind::ActionProgress => json!({"progress": {"message": "half way"}}),
        EventKind::ActionWaiting => json!({"waiting": {"reason": "it waits", "until": null}}),
        EventKind::RunnerReady => json!({"destinations": ["actions.201.ticket"]}),
        EventKind::RunnerStopping => json!({"held": 0}),
        EventKind::DestinationSubscribed => json!({"destination": "actions.201.ticket"}),
        EventKind::BrokerDisconnected => json!({"broker": {"reason": "gone"}}),
        EventKind::SubscriptionDisabled => {
            json!({"subscription": {"uuid": "u", "name": "n", "user": "a", "error": "404"}})
        }
        _ => Value::Null,
    };
    let message = kind.is_action().then(|| Box::new(message));
    let data = if data.is_null() { String::new() } else { data.to_string() };
    Noted { number: 1, kind, at, nonce: String::new(), data, message }
}

/// Whether a value is what a schema says, as far as these schemas go: types, constants, required and known keys.
fn faults(schema: &Value, root: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).unwrap();
        return self::faults(target, root, value, place, faults);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = |one: &Value| {
            let mut found = Vec::new();
            self::faults(one, root, value, place, &mut found);
            found.is_empty()
        };
        if !any.iter().any(fits) {
            faults.push(format!("{place} fits none of {any:?}"));
        }
        return;
    }
    if schema.get("const").is_some_and(|constant| constant != value) {
        faults.push(format!("{place} is {value}"));
    }
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => false,
    };
    let named = match &schema["type"] {
        Value::String(one) => is(one),
        Value::Array(several) => several.iter().any(|one| is(one.as_str().unwrap())),
        _ => true,
    };
    if !named {
        faults.push(format!("{place} is {value}, not {}", schema["type"]));
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        if value.get(key.as_str().unwrap()).is_none() {
            faults.push(format!("{place} has no {key}"));
        }
    }
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(key) {
            self::faults(schema, root, value, &format!("{place}.{key}"), faults);
        }
    }
}

#[test]
fn every_event_is_what_its_schema_says() {
    for kind in EventKind::ALL {
        let (event, schema) = (event(&noted(kind), "host"), schema(kind));
        let read: cloudevents::Event = serde_json::from_value(event.clone()).unwrap();
        assert_eq!(cloudevents::AttributesReader::ty(&read), kind.event_type());
        let mut found = Vec::new();
        faults(&schema, &schema, &event, "event", &mut found);
        assert!(found.is_empty(), "{kind}: {found:?}\n{event:#}");
        // Nothing is in it that neither the schema nor the platform's message has.
        let ours = ["user", "action_id"];
        for key in event["data"].as_object().unwrap().keys().filter(|key| !ours.contains(&key.as_str())) {
            assert!(schema["properties"]["data"]["properties"].get(key).is_some(), "{kind}: {key}");
        }
    }
}

#[test]
fn an_event_has_the_objects_of_its_message_and_the_same_id_each_time() {
    let noted = noted(EventKind::ActionCompleted);
    let first = event(&noted, "host");
    assert_eq!(first, event(&noted.clone(), "host"));
    assert_eq!(first["id"], "277bfab5-9643-5b85-862a-efaa3a8d6877");
    assert_eq!(first["source"], "/orgs/201/destinations/ticket");
    assert_eq!((&first["subject"], &first["time"]), (&json!("Escalate"), &json!("2030-03-17T17:46:40.000Z")));
    let data = &first["data"];
    assert_eq!(data["incident"], json!({"id": 2496, "name": "{{user.id}}"}));
    assert_eq!((&data["user"]["email"], &data["queue"]), (&json!("a@example.com"), &json!("ticket")));
    assert_eq!(data["result"], json!({"message": "yes", "status": "completed", "took_ms": 12}));
    assert!(data.get("type_info").is_none() && data.get("artifact").is_none());
}
