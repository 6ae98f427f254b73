//! What a receiver gets.

use circuits::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::engine::LARGEST;
use super::test_files::{load_item, load_json, webhook};
use super::variables;

/// The body of a webhook with this payload.
fn body(more: &str, variables: &Value) -> String {
    let body = webhook(more).render(variables).unwrap();
    String::from_utf8(body.bytes.unwrap().to_vec()).unwrap()
}

fn json_body(more: &str, variables: &Value) -> Value {
    serde_json::from_str(&body(more, variables)).unwrap()
}

fn demo() -> Value {
    json!({"user": {"name": "demo", "id": 123}})
}

#[test]
fn mw_1_expressions_keep_their_type_unless_they_stand_in_quotation_marks() {
    let more = r#"payload:
  user: {name: "{{user.name}}", id: "{{user.id}}", str: "'{{user.id}}'"}
  msg: "Hello {{user.name}}, your ID is {{user.id}}""#;
    let sent = webhook(more).render(&demo()).unwrap();
    assert_eq!(sent.content_type, "application/json");
    assert_eq!(
        sent.bytes.unwrap(),
        r#"{"user":{"name":"demo","id":123,"str":"123"},"msg":"Hello demo, your ID is 123"}"#
    );
}

#[test]
fn mw_1_a_value_of_any_type_arrives_as_it_is() {
    let variables =
        json!({"user": {"list": [1, null, {"a": 1.5}], "no": false, "none": null, "text": "it's"}});
    let more = r#"payload:
  list: "{{ user.list }}"
  no: "{{ user.no }}"
  none: "{{ user.none }}"
  absent: "{{ user.nothing.at.all }}"
  no_text: "'{{ user.no }}'"
  none_text: "\"{{ user.none }}\""
  list_text: "'{{ user.list }}'"
  quoted: "'{{ user.text }}'"
  text: "no: {{ user.no }}, none: {{ user.none }}{{ user.nothing }}, list: {{ user.list }}""#;
    assert_eq!(
        json_body(more, &variables),
        json!({
            "list": [1, null, {"a": 1.5}], "no": false, "none": null, "absent": null, "no_text": "false",
            "none_text": "",
            "list_text": "[1,null,{\"a\":1.5}]", "quoted": "'it's'",
            "text": "no: false, none: , list: [1,null,{\"a\":1.5}]",
        })
    );
}

#[test]
fn mw_2_keys_lists_and_texts_are_filled_and_single_braces_are_not() {
    for (payload, expected) in [
        (r#"payload: {"{{user.id}}": id}"#, json!({"123": "id"})),
        (r#"payload: [false, 1, null, "{{user.id}}"]"#, json!([false, 1, null, 123])),
        (r#"payload: "user_{{user.id}}""#, json!("user_123")),
        (r#"payload: "{user.name}""#, json!("{user.name}")),
        ("payload: {user.name}", json!({"user.name": null})),
        ("payload: {1: {true: 2.5}}", json!({"1": {"true": 2.5}})),
        ("payload: '{% raw %}{{user.id}}{% endraw %}'", json!("{{user.id}}")),
    ] {
        assert_eq!(json_body(payload, &demo()), expected, "{payload}");
    }
}

#[test]
fn mw_3_a_text_for_another_format_is_sent_as_it_is() {
    let payload = "payload: |\n  param: {{user.name}}\n  quote: \"{{user.id}}\"";
    for (format, content_type) in [
        ("plain", "text/plain"),
        ("html", "text/html"),
        ("xml", "text/xml"),
        ("application/xml", "application/xml"),
    ] {
        let sent = webhook(&format!("format: {format}\n{payload}\n")).render(&demo()).unwrap();
        assert_eq!(sent.content_type, content_type);
        assert_eq!(sent.bytes.unwrap(), "param: demo\nquote: \"123\"\n", "{format}");
    }
    assert_eq!(body("format: plain\npayload: \"'{{user.id}}'\"", &demo()), "'123'");
    assert_eq!(body("format: plain\npayload: {id: \"{{user.id}}\"}", &demo()), r#"{"id":123}"#);
    assert_eq!(body("format: plain\npayload: \"{{ error }}\"", &json!({"error": null})), "");
}

#[test]
fn mw_4_a_value_with_braces_is_not_filled_again() {
    let name = "{{user.id}} {% x %} {# y";
    let variables = json!({"incident": {"name": name}, "user": {"id": 5}});
    let more =
        "payload: {whole: '{{incident.name}}', part: 'hi {{incident.name}}', '{{incident.name}}': key}";
    let expected = json!({"whole": name, "part": format!("hi {name}"), name: "key"});
    assert_eq!(json_body(more, &variables), expected);
}

#[test]
fn mw_7_every_method_takes_every_small_payload() {
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        let item = json!({"name": "a", "action": "action_completed", "method": method, "url": "http://h"});
        let absent = if matches!(method, "GET" | "HEAD") { None } else { Some("") };
        for (payload, sent) in [
            (None, absent),
            (Some(json!(null)), absent),
            (Some(json!("")), Some("\"\"")),
            (Some(json!({})), Some("{}")),
            (Some(json!(0)), Some("0")),
        ] {
            let mut item = item.clone();
            if let Some(payload) = payload {
                item["payload"] = payload;
            }
            let loaded = load_json(&item);
            assert_eq!(loaded.faults, [], "{item}");
            let bytes = loaded.webhooks[0].render(&json!({})).unwrap().bytes;
            assert_eq!(bytes.as_deref(), sent.map(str::as_bytes), "{item}");
        }
    }
}

#[test]
fn values_cannot_become_markup() {
    let variables = json!({"incident": {"name": "<b>\"Tom\" & 'Co'</b>\u{1}"}});
    let escaped = "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Co&#39;&lt;/b&gt;\u{fffd}";
    for format in ["html", "xml", "application/xml"] {
        let more = |payload: &str| format!("format: {format}\npayload: {payload}");
        assert_eq!(body(&more("'<p>{{ incident.name }}</p>'"), &variables), format!("<p>{escaped}</p>"));
        assert_eq!(body(&more("'{{ incident.name }}'"), &variables), escaped);
        assert_eq!(json_body(&more("{a: '{{ incident }}'}"), &variables)["a"]["name"], escaped);
        assert_eq!(
            json_body(&more("{a: '\"{{ incident.name }}\"'}"), &variables)["a"],
            format!("\"{escaped}\"")
        );
        assert_eq!(body(&more("'{{ incident.name|safe }}'"), &variables), "<b>\"Tom\" & 'Co'</b>\u{1}");
    }
    assert!(body("format: plain\npayload: '{{ incident.name }}'", &variables).starts_with("<b>\"Tom\" & "));
}

#[test]
fn filters_see_nothing_where_a_value_is_null_or_missing() {
    let variables = json!({"incident": {"owner": null, "name": "a"}});
    let more = "payload: ['{{ incident.owner|upper }}', '{{ incident.owner|default(\"nobody\") }}', \
                '{{ incident.owner is none }}', '{{ incident.gone.by|default(0) }}', '{{ incident }}', \
                'x{% for t in incident.tags %}{{ t }}{% endfor %}']";
    assert_eq!(
        json_body(more, &variables),
        json!(["", "nobody", true, 0, {"name": "a", "owner": null}, "x"])
    );
}

#[test]
fn an_event_fills_the_payload_and_a_callback_is_asked_for_only_where_it_is_used() {
    let time = "2024-01-01T00:00:00Z";
    let data = json!({
        "queue": "ticket", "waiting": {"reason": "answer", "until": null}, "incident": {"id": 7}
    });
    let event = json!({"id": "e-1", "type": "circuits.action.waiting", "time": time, "data": data});
    let payload = json!({
        "cb": "{{ callback_url }}", "at": "{{ timestamp }}", "why": "{{ queue }}: {{ waiting.reason }}",
        "id": "{{ event.id }}-{{ event.data.incident.id }}", "all": "{{ event }}",
    });
    let loaded = load_json(&json!({
        "name": "a", "action": "action_waiting", "method": "POST", "url": "http://h", "payload": payload
    }));
    let webhook = &loaded.webhooks[0];
    assert_eq!((webhook.kind(), webhook.uses_callback()), (EventKind::ActionWaiting, true));
    let sent = webhook.render(&variables(&event, Some("http://r/tmp/1"))).unwrap().bytes.unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&sent).unwrap(),
        json!({"cb": "http://r/tmp/1", "at": time, "why": "ticket: answer", "id": "e-1-7", "all": event})
    );
}

#[test]
fn a_body_that_would_be_too_large_is_an_error_that_names_webhook_and_place() {
    let variables = json!({"incident": {"text": "x".repeat(LARGEST / 4)}});
    let texts = |count: usize| format!("payload: [{}]", vec!["'{{ incident.text }}'"; count].join(","));
    assert!(webhook(&texts(3)).render(&variables).is_ok());
    let error = webhook(&texts(4)).render(&variables).unwrap_err().to_string();
    assert_eq!(
        error,
        "webhook \"ticket\", payload[3]: the body would be larger than 8 MiB; send less of the event"
    );
}

#[test]
fn a_template_cannot_work_for_ever() {
    for payload in [
        "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}",
        "{{ [range(10000)] * 10000 }}",
        "{{ 'x' * 1000000000 }}",
        "a {{ [range(10000)] * 10000 }}",
    ] {
        let error = webhook(&format!("payload: \"{payload}\"")).render(&json!({})).unwrap_err().to_string();
        assert!(error.starts_with("webhook \"ticket\", payload: "), "{payload}: {error}");
    }
}

/// Texts that look like templates more often than chance would have it.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{{"),
        Just("}}"),
        Just("{%"),
        Just("%}"),
        Just("{#"),
        Just("#}"),
        Just("'"),
        Just("\""),
        Just(" user.id "),
        Just("|upper"),
        Just("-"),
        Just("raw"),
        Just("endraw"),
        Just("for a in b"),
        Just("\\"),
        Just("ü"),
        Just("[0]"),
        Just("("),
        Just(")"),
        Just("if queue"),
        Just("endif"),
        Just(".x"),
        Just("\0"),
        Just("range(3)"),
    ];
    prop_oneof![any::<String>(), prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())]
}

proptest! {
    #[test]
    fn no_payload_and_no_value_makes_it_panic(payload in text(), value in text(), raw in any::<bool>()) {
        let format = if raw { "html" } else { "json" };
        let loaded = load_json(&json!({
            "name": "a", "action": "action_failed", "method": "POST", "url": "http://h", "format": format,
            "payload": payload,
        }));
        prop_assert!(loaded.webhooks.len() == 1 || !loaded.faults.is_empty());
        for webhook in &loaded.webhooks {
            let _ = webhook.render(&json!({"user": {"id": value}, "queue": value}));
        }
    }

    #[test]
    fn mw_4_any_value_arrives_as_it_is(value in text()) {
        let more = "payload: {whole: '{{ incident.name }}', part: '<{{ incident.name }}>'}";
        let sent = json_body(more, &json!({"incident": {"name": value}}));
        prop_assert_eq!(&sent["whole"], &Value::from(value.as_str()));
        prop_assert_eq!(&sent["part"], &Value::from(format!("<{value}>")));
    }
}

#[test]
fn a_mistake_does_not_show_the_values_of_the_environment() {
    let loaded = load_item("headers: {X: \"${HOOK_TOKEN}\\n\"}\npayload: '{{ nope }}'");
    let text = format!("{:?}", loaded.faults);
    assert!(loaded.faults.len() == 2 && !text.contains("s3cret"), "{text}");
}
