//! Definitions of webhooks as people write them, and payloads whose values come from incidents: whatever both hold, a body
//! comes out or an error.
#![no_main]

use circuits_events::internals::webhooks;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const FORMATS: [&str; 4] = ["json", "html", "plain", "xml"];

fuzz_target!(|input: (u8, &str, &str)| {
    let (format, text, value) = input;
    let variables = json!({
        "incident": {"id": 7, "name": value, "owners": [value, null, 1.5]},
        "action": {"name": value, "attempt": 1},
        "result": {"message": value, "status": "completed", "took_ms": 12},
    });
    // A whole file, and a payload in a file that has no other fault: most texts are no YAML.
    let format = FORMATS[usize::from(format) % FORMATS.len()];
    let payload = json!(text);
    let file = format!(
        "webhooks:\n- name: n\n  action: action_completed\n  method: POST\n  url: http://h\n  format: {format}\n  \
         payload: {payload}\n"
    );
    for webhook in webhooks(text).iter().chain(&webhooks(&file)) {
        let Ok(body) = webhook.render(&variables) else { continue };
        if let (true, Some(bytes)) = (format == "json" && webhook.name() == "n", &body.bytes) {
            assert!(serde_json::from_slice::<serde_json::Value>(bytes).is_ok(), "{bytes:?}");
        }
    }
});
