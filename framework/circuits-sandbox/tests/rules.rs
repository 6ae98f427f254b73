//! Rules: what fires, what the message holds, what becomes of the replies.
mod support;

use circuits_sandbox::{Event, Rule, Sandbox, Status};
use serde_json::{Value, json};
use support::{Rest, Stomp, soon, unescape};

async fn lookup() -> Sandbox {
    let rule = Rule::menu_item("Lookup Value").to("filelookup");
    Sandbox::builder().rule(rule).start().await.unwrap()
}

#[tokio::test]
async fn a_fired_rule_arrives_and_its_reply_settles_the_invocation() {
    let sandbox = lookup().await;
    let mut events = sandbox.events();
    let mut stomp = Stomp::connect(&sandbox).await;
    let queue = sandbox.queue("filelookup");
    stomp.subscribe(&queue, "ack:client-individual\n").await;
    let id = sandbox.fire("Lookup Value", 2095, json!({"key": "value"})).unwrap();
    let message = stomp.frame().await;

    assert_eq!(message.command, "MESSAGE");
    assert_eq!(message.get("subscription"), queue);
    assert_eq!(message.get("destination"), format!("/queue/{queue}"));
    assert_eq!(unescape(message.get("correlation-id")), id.correlation_id());
    assert_eq!(message.get("reply-to"), "/queue/acks.201.filelookup");
    assert_eq!(message.get("Co3MessagePayload"), "ActionDataDTO");
    assert_eq!(message.get("Co3ContentType"), "application/json");
    for (name, value) in [("persistent", "true"), ("priority", "4"), ("expires", "0")] {
        assert_eq!(message.get(name), value);
    }
    assert!(message.get("timestamp").parse::<u64>().is_ok());
    assert!(message.get("message-id").starts_with("ID\\csandbox-"), "escaped as ActiveMQ does: {message:?}");
    assert!(message.get("ack").starts_with("ID\\csandbox-"));
    assert_eq!(message.get("Co3ContextToken").split('.').count(), 3);
    assert_eq!(message.find("redelivered"), None);

    let data: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(data["incident"]["id"], 2095);
    assert_eq!(data["properties"], json!({"key": "value"}));
    assert_eq!(data["object_type"], 0);
    assert_eq!(data["user"]["id"], 1);
    assert_eq!(data["principal"]["type"], "user");
    for absent in ["task", "artifact", "note", "milestone", "attachment", "workflow"] {
        assert_eq!(data[absent], Value::Null, "{absent}");
    }
    let severity = data["incident"]["severity_code"].to_string();
    assert_eq!(data["type_info"]["incident"]["fields"]["severity_code"]["values"][severity]["label"], "Medium");

    let reply = |body: &str, extra: &str| {
        let correlation = message.get("correlation-id");
        format!("SEND\ndestination:/queue/acks.201.filelookup\ncorrelation-id:{correlation}\n{extra}\n{body}\0")
    };
    stomp.send(reply(r#"{"message_type":0,"message":"Started","complete":false}"#, "")).await;
    let interim = soon("interim", sandbox.until(id, |i| !i.messages.is_empty())).await;
    assert_eq!((interim.status, interim.final_replies), (Status::Pending, 0));
    stomp.send(reply(r#"{"message_type":0,"message":"Done","complete":true,"results":{"a":1}}"#, "persistent:true\n")).await;
    let done = soon("settled", sandbox.settled(id)).await;
    assert_eq!(done.status, Status::Completed);
    assert_eq!(done.text(), "Started\nDone");
    assert_eq!((done.final_replies, done.deliveries), (1, 1));
    assert_eq!(done.replies[1].header("persistent"), Some("true"));
    assert_eq!(done.replies[1].results, Some(json!({"a": 1})));

    stomp.send(reply("again", "")).await;
    let twice = soon("second reply", sandbox.until(id, |i| i.replies.len() == 3)).await;
    assert_eq!(twice.final_replies, 2, "a second final reply is counted, so that tests can refuse it");
    assert_eq!(sandbox.replies(&id.correlation_id()).len(), 3);

    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    assert!(matches!(&seen[..3], [Event::Connected { .. }, Event::Subscribed { .. }, Event::RuleFired { .. }]), "{seen:?}");
    assert!(seen.iter().any(|e| matches!(e, Event::Status { text, complete: true, .. } if text == "Done")));
}
