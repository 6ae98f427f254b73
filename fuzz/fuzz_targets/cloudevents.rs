//! Events from outside: what is taken is a whole CloudEvent 1.0, whatever came in.
#![no_main]

use circuits_events::receive::{Limits, events};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const TYPES: [Option<&str>; 6] = [
    None,
    Some("application/cloudevents+json"),
    Some("application/cloudevents-batch+json; charset=utf-8"),
    Some("application/json"),
    Some("text/plain"),
    Some("application/cloudevents+avro"),
];
const HEADERS: [&str; 8] =
    ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject", "ce-dataschema", "ce-extra"];

fuzz_target!(|input: (u8, Vec<(u8, &[u8])>, &[u8])| {
    let (content_type, given, body) = input;
    let content_type = TYPES[usize::from(content_type) % TYPES.len()];
    let mut headers = HeaderMap::new();
    for (name, value) in given.into_iter().take(12) {
        let name = HeaderName::from_static(HEADERS[usize::from(name) % HEADERS.len()]);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let Ok(taken) = events(content_type, &headers, body, Timestamp::UNIX_EPOCH, Limits::default()) else {
        return;
    };
    for received in taken {
        let event = &received.event;
        assert_eq!(event["specversion"], "1.0", "{event}");
        for name in ["id", "source", "type", "time"] {
            assert!(event[name].as_str().is_some_and(|value| !value.is_empty()), "{name}: {event}");
        }
    }
});
