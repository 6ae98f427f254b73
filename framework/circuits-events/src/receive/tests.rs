//! What a producer of events notices: which requests are taken, and what is said about the others.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::subscription::{Subscription, outgoing};

fn now() -> Timestamp {
    "2030-01-31T12:00:00Z".parse().unwrap()
}

fn receive(content_type: &str, body: &[u8]) -> Result<Vec<Received>, Refused> {
    events(Some(content_type), &HeaderMap::new(), body, now(), Limits::default())
}

fn one(event: &Value) -> Result<Received, Refused> {
    receive("application/json", event.to_string().as_bytes()).map(|mut events| events.remove(0))
}

fn binary(pairs: &[(&str, &str)], content_type: Option<&str>, body: &[u8]) -> Result<Value, Refused> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
    }
    events(content_type, &headers, body, now(), Limits::default()).map(|mut events| events.remove(0).event)
}

const BINARY: [(&str, &str); 4] =
    [("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/s"), ("ce-type", "a.b")];

fn event() -> Value {
    json!({"specversion": "1.0", "id": "7", "source": "/s", "type": "a.b", "time": "2029-01-01T00:00:00Z"})
}

fn with(mut event: Value, name: &str, value: Value) -> Value {
    event[name] = value;
    event
}

/// The shape of what Pacifica's metadata service sends.
fn old_event() -> Value {
    json!({
        "cloudEventsVersion": "0.1",
        "eventID": "upload-17",
        "eventType": "org.pacifica.metadata.ingest",
        "eventTime": "2029-03-04T05:06:07",
        "source": "/pacifica/metadata/ingest",
        "contentType": "application/json",
        "extensions": {"Trace-Id": "t1", "level": 2, "nested": {"a": 1}},
        "data": [
            {"destinationTable": "Files", "_id": 71, "mimetype": "text/plain"},
            {"destinationTable": "Files", "_id": 72, "mimetype": "image/png"},
            {"destinationTable": "Transactions.submitter", "value": 9},
        ],
    })
}

#[test]
fn pn_5_an_event_of_pacifica_reaches_who_subscribed_for_its_names() {
    let subscription = |path: &str| {
        let body = json!({
            "name": "files", "jsonpath": path, "target_url": "http://127.0.0.1:18182/recv",
            "extensions": {"sub": "alice"},
            "auth": {"type": "basic", "basic": {"username": "u", "password": "p"}},
        });
        Subscription::create("alice", body.to_string().as_bytes(), now(), Uuid::nil()).unwrap()
    };
    let received = one(&old_event()).unwrap();
    let old_names = "$.data[?$.eventType=='org.pacifica.metadata.ingest' && @.destinationTable=='Files' \
                     && @.mimetype=='text/plain']._id";
    for (path, expected) in [
        (old_names, true),
        ("$.data[?$.type=='org.pacifica.metadata.ingest' && @._id==71]", true),
        ("$.nothing", false),
    ] {
        let matcher = subscription(path).matcher().unwrap();
        assert_eq!(received.is_selected_by(&matcher), Ok(expected), "{path}");
    }
    let subscription = subscription(old_names);
    let sent = outgoing(&received.event, &subscription);
    assert_eq!(
        (&sent["sub"], &sent["id"], &sent["specversion"]),
        (&json!("alice"), &json!("upload-17"), &json!("1.0"))
    );
    let authorization = subscription.authorization(&|_| None).unwrap().unwrap();
    assert_eq!(authorization.expose_secret(), "Basic dTpw");
}

#[test]
fn an_event_of_version_0_1_becomes_one_of_1_0() {
    let old = old_event();
    let received = one(&old).unwrap();
    let expected = json!({
        "specversion": "1.0", "id": "upload-17", "type": "org.pacifica.metadata.ingest",
        "source": "/pacifica/metadata/ingest", "datacontenttype": "application/json",
        "time": "2029-03-04T05:06:07Z", "traceid": "t1", "level": 2, "nested": "{\"a\":1}", "data": old["data"],
    });
    assert_eq!(received.event, expected);
    assert_eq!(received.original, Some(old));
}

#[test]
fn an_old_event_is_refused_where_its_names_mean_something_else_in_1_0() {
    let extension = |value: Value| with(old_event(), "extensions", value);
    for (event, said) in [
        (with(old_event(), "eventID", json!(null)), "eventID is missing"),
        (with(old_event(), "source", json!(7)), "source must be text"),
        (with(old_event(), "eventTime", json!("yesterday")), "eventTime: \"yesterday\""),
        (with(old_event(), "cloudEventsVersion", json!("0.2")), "cloudEventsVersion: 0.2 is not known"),
        (extension(json!({"ID": "x"})), "extension \"ID\""),
        (extension(json!({"a-b": 1, "ab": 2})), "extension \"ab\""),
        (extension(json!({"--": 1})), "extension \"--\""),
        (extension(json!([])), "extensions must be an object"),
    ] {
        let refused = one(&event).unwrap_err();
        assert_eq!(refused.status(), 400);
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

#[test]
fn a_structured_event_is_taken_as_it_is() {
    let event = with(with(event(), "data", json!({"deep": [1, null]})), "ext", json!(true));
    for content_type in ["application/cloudevents+json; charset=utf-8", "Application/JSON"] {
        let events = receive(content_type, event.to_string().as_bytes()).unwrap();
        assert_eq!(events, [Received { event: event.clone(), original: None }]);
    }
    let without_type =
        events(None, &HeaderMap::new(), event.to_string().as_bytes(), now(), Limits::default());
    assert_eq!(without_type.unwrap().len(), 1);
}

#[test]
fn an_event_without_a_time_gets_the_time_of_its_arrival() {
    let mut event = event();
    event.as_object_mut().unwrap().remove("time");
    assert_eq!(one(&event).unwrap().event["time"], "2030-01-31T12:00:00Z");
}

#[test]
fn an_event_of_version_0_3_becomes_one_of_1_0() {
    let old = json!({
        "specversion": "0.3", "id": "7", "source": "/s", "type": "a.b", "time": "2029-01-01T00:00:00Z",
        "schemaurl": "http://h/s", "datacontenttype": "image/png", "datacontentencoding": "base64", "data": "AP8=",
    });
    let mut expected = event();
    for (name, value) in
        [("dataschema", "http://h/s"), ("datacontenttype", "image/png"), ("data_base64", "AP8=")]
    {
        expected[name] = json!(value);
    }
    assert_eq!(one(&old).unwrap().event, expected);
    let mixed = with(with(event(), "specversion", json!("0.3")), "data_base64", json!("AP8="));
    assert!(one(&mixed).unwrap_err().to_string().contains("data_base64"));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for (event, said) in [
        (json!(42), "must be a JSON object"),
        (json!([event()]), "must be a JSON object"),
        (json!({"id": "7"}), "specversion is missing"),
        (with(event(), "specversion", json!("0.2")), "specversion 0.2 is not known"),
        (with(event(), "id", json!("")), "id must not be empty"),
        (with(event(), "id", json!(7)), "id must be text"),
        (with(event(), "type", json!(null)), "type is missing"),
        (with(event(), "source", json!("a b")), "source must be"),
        (with(event(), "time", json!("noon")), "time must be"),
        (with(event(), "dataschema", json!("s")), "dataschema must be"),
        (with(event(), "Ext", json!("x")), "\"Ext\" is no name"),
        (with(event(), "ext", json!({"a": 1})), "ext must be text"),
        (with(event(), "ext", json!(1.5)), "ext must be text"),
        (with(event(), "data_base64", json!("%")), "decode"),
        (with(with(event(), "data", json!(1)), "data_base64", json!("AA==")), "both data and data_base64"),
    ] {
        let refused = one(&event).unwrap_err();
        assert_eq!(refused.status(), 400, "{refused}");
        assert!(refused.to_string().contains(said), "{said}: {refused}");
    }
}

#[test]
fn an_event_cannot_pass_for_one_of_the_runner() {
    let old = with(old_event(), "eventType", json!("circuits.action.completed"));
    for event in [with(event(), "type", json!("circuits.x")), with(event(), "type", json!("Circuits.x")), old]
    {
        assert_eq!(one(&event).unwrap_err().status(), 403);
    }
    let headers = [BINARY[0], BINARY[1], BINARY[2], ("ce-type", "%63ircuits.action.completed")];
    assert_eq!(binary(&headers, None, b"").unwrap_err().status(), 403);
    assert!(one(&with(event(), "type", json!("circuitsx"))).is_ok());
}

#[test]
fn a_batch_is_taken_in_its_order_with_its_duplicates() {
    let body = json!([event(), old_event(), event()]).to_string();
    let events = receive("application/cloudevents-batch+json", body.as_bytes()).unwrap();
    let ids: Vec<_> = events.iter().map(|received| received.event["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["7", "upload-17", "7"]);
    assert_eq!(receive("application/cloudevents-batch+json", b"[]").unwrap(), []);
}

#[test]
fn a_batch_names_the_event_that_is_wrong_and_takes_none() {
    let body = json!([event(), with(event(), "id", json!(null))]).to_string();
    let refused = receive("application/cloudevents-batch+json", body.as_bytes()).unwrap_err();
    assert_eq!(refused.to_string(), "Event 2 of the batch: id is missing");
    assert_eq!(receive("application/cloudevents-batch+json", b"{}").unwrap_err().status(), 400);
}

#[test]
fn a_request_that_is_too_large_is_refused() {
    assert_eq!(receive("application/json", &vec![b' '; 1024 * 1024 + 1]).unwrap_err().status(), 413);
    let many = Value::from(vec![event(); 501]).to_string();
    let refused = receive("application/cloudevents-batch+json", many.as_bytes()).unwrap_err();
    assert_eq!((refused.status(), refused.to_string().contains("501")), (413, true));
}

#[test]
fn a_media_type_that_holds_no_event_is_refused_with_those_that_do() {
    for content_type in ["text/plain", "application/cloudevents+avro", "application/xml", ""] {
        let refused = receive(content_type, b"{}").unwrap_err();
        assert_eq!(refused.status(), 415, "{content_type}");
        assert!(refused.to_string().contains("application/cloudevents-batch+json"));
    }
}

#[test]
fn json_nested_without_end_is_refused() {
    let deep = "[".repeat(500_000);
    assert_eq!(receive("application/json", deep.as_bytes()).unwrap_err().status(), 400);
    assert_eq!(receive("application/cloudevents-batch+json", deep.as_bytes()).unwrap_err().status(), 400);
    assert_eq!(binary(&BINARY, Some("application/json"), deep.as_bytes()).unwrap_err().status(), 400);
}

#[test]
fn a_binary_event_has_its_attributes_in_headers() {
    let mut headers = BINARY.to_vec();
    headers.extend([
        ("ce-subject", "Euro%20%E2%82%AC%20100%"),
        ("ce-quoted", r#""a \"b\"""#),
        ("ce-time", "2029-01-01T00:00:00Z"),
    ]);
    let received = binary(&headers, Some("application/json"), br#"{"a":1}"#).unwrap();
    let mut expected = event();
    for (name, value) in [
        ("subject", json!("Euro € 100%")),
        ("quoted", json!("a \"b\"")),
        ("datacontenttype", json!("application/json")),
        ("data", json!({"a": 1})),
    ] {
        expected[name] = value;
    }
    assert_eq!(received, expected);
}

#[test]
fn binary_data_comes_as_json_text_or_base64() {
    let bytes = &[0_u8, 255][..];
    for (content_type, body, name, value) in [
        (Some("application/vnd.x+json; charset=utf-8"), &b"[1]"[..], "data", json!([1])),
        (Some("text/plain"), "é".as_bytes(), "data", json!("é")),
        (Some("application/xml"), b"<a/>", "data", json!("<a/>")),
        (Some("text/plain"), bytes, "data_base64", json!("AP8=")),
        (Some("image/png"), bytes, "data_base64", json!("AP8=")),
        (None, b"7", "data", json!(7)),
        (None, bytes, "data_base64", json!("AP8=")),
    ] {
        let event = binary(&BINARY, content_type, body).unwrap();
        assert_eq!(event.get(name), Some(&value), "{content_type:?}: {event}");
    }
    let empty = binary(&BINARY, Some("application/json"), b"").unwrap();
    assert!(empty.get("data").is_none() && empty.get("data_base64").is_none());
    let old = [("ce-specversion", "0.3"), BINARY[1], BINARY[2], BINARY[3]];
    assert_eq!(binary(&old, Some("image/png"), bytes).unwrap()["data_base64"], "AP8=");
}

#[test]
fn a_binary_event_with_a_bad_header_is_refused() {
    for (name, value, said) in [
        ("ce-id", "again", "ce-id must come once"),
        ("ce-bad", "%FF", "ce-bad must come once, as percent-encoded UTF-8"),
        ("ce-data", "x", "ce-data names no attribute"),
        ("ce-datacontenttype", "x", "ce-datacontenttype names no attribute"),
        ("ce-a-b", "x", "ce-a-b names no attribute"),
        ("ce-data_base64", "AA==", "ce-data_base64 names no attribute"),
    ] {
        let mut headers = BINARY.to_vec();
        headers.push((name, value));
        let refused = binary(&headers, None, b"").unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
    let refused = binary(&BINARY[..3], None, b"").unwrap_err();
    assert_eq!(refused.to_string(), "type is missing");
    assert_eq!(binary(&BINARY, Some("application/json"), b"{").unwrap_err().status(), 400);
}

/// What each event has to be that is handed on.
fn assert_valid(event: &Value) -> Result<(), TestCaseError> {
    let parsed: cloudevents::Event = serde_json::from_value(event.clone()).unwrap();
    prop_assert_eq!(
        cloudevents::AttributesReader::specversion(&parsed),
        cloudevents::event::SpecVersion::V10
    );
    for (name, value) in event.as_object().unwrap() {
        let is_data = matches!(name.as_str(), "data" | "data_base64");
        prop_assert!(is_data || name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        prop_assert!(is_data || value.is_string() || value.is_boolean() || value.is_i64());
    }
    for name in ["id", "source", "type", "time"] {
        prop_assert!(event[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    Ok(())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("2029-01-01T00:00:00Z")),
        Just(json!("http://h/s")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let object = prop::collection::hash_map("[a-zA-Z-]{0,4}", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|object| object.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn an_old_event_becomes_a_valid_one_or_is_refused(
        changes in prop::collection::vec((prop_oneof![
            Just("eventID"), Just("eventType"), Just("eventTime"), Just("source"), Just("contentType"),
            Just("schemaURL"), Just("extensions"), Just("data"), Just("eventTypeVersion"), Just("specVersion"),
        ], any_json()), 0..4),
    ) {
        let mut event = old_event();
        for (name, value) in changes {
            event[name] = value;
        }
        match one(&event) {
            Ok(received) => assert_valid(&received.event)?,
            Err(refused) => prop_assert!(matches!(refused.status(), 400 | 403)),
        }
    }

    #[test]
    fn an_event_is_valid_or_refused(name in "[a-z_]{1,16}|data|time|subject", value in any_json()) {
        match one(&with(event(), &name, value)) {
            Ok(received) => assert_valid(&received.event)?,
            Err(refused) => prop_assert_eq!(refused.status(), 400),
        }
    }

    #[test]
    fn no_request_panics(
        content_type in prop::option::of("application/(json|cloudevents(-batch)?[+]json)|text/plain|.{0,8}"),
        names in prop::collection::vec(("ce-[a-z]{1,6}", "[ -~]{0,12}"), 0..4),
        body in prop_oneof![prop::collection::vec(any::<u8>(), 0..64), "[\\[\\]{}:,\"a-z0-9. ]{0,64}".prop_map(String::into_bytes)],
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in BINARY.iter().map(|(name, value)| (*name, *value)).chain(
            names.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        ) {
            headers.insert(name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
        }
        for headers in [HeaderMap::new(), headers] {
            if let Ok(events) = events(content_type.as_deref(), &headers, &body, now(), Limits::default()) {
                for received in events {
                    assert_valid(&received.event)?;
                }
            }
        }
    }

    #[test]
    fn binary_data_arrives_byte_for_byte(body in prop::collection::vec(any::<u8>(), 1..64)) {
        let event = binary(&BINARY, Some("application/octet-stream"), &body).unwrap();
        prop_assert_eq!(&event["data_base64"], &json!(BASE64_STANDARD.encode(&body)));
    }
}
