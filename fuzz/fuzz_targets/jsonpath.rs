//! Paths of subscriptions: each is refused, or answers for any event in a time that is known beforehand.
#![no_main]

use circuits_events::subscription::Matcher;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|input: (&str, &[u8])| {
    let (path, event) = input;
    let Ok(matcher) = Matcher::new(path) else { return };
    let usual = json!({
        "type": "circuits.action.completed",
        "data": {
            "incident": {"id": 7, "name": "Phishing", "properties": {"owners": ["a", "b"], "count": 3}},
            "result": {"message": "done", "status": "completed"},
        },
    });
    let _ = matcher.selects(&usual);
    if let Ok(event) = serde_json::from_slice::<Value>(event) {
        let _ = matcher.selects(&event);
    }
});
