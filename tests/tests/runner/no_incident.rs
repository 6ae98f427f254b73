//! Messages about objects that belong to no incident: an e-mail that has just arrived, an object of the organisation.

use circuits::Signal;
use circuits::config::Config;
use circuits::message::ObjectType;
use circuits::prelude::*;
use circuits_sandbox::{InvocationId, Publication, Rule, Sandbox, Status};
use circuits_tests::world::{Running, run, with_body};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

static MAIL: Registration = Registration::new("mail", component);
/// Each permit lets the handler of one e-mail continue.
static GATE: Semaphore = Semaphore::const_new(0);

fn component(_: &Setup) -> Result<Component> {
    Ok(Component::builder("mail", ()).on("Read", read).on("Needs incident", needs_incident).build())
}

async fn read(action: Action) -> Result<Reply> {
    assert!(action.incident().is_err());
    let kind = action.message().object_type();
    action.status(format!("{} {kind:?}", action.object()?["id"]));
    if kind == Some(ObjectType::EmailMessage) {
        GATE.acquire().await?.forget();
    }
    Ok(Reply::completed("read"))
}

async fn needs_incident(action: Action) -> Result<Reply> {
    Ok(Reply::completed(action.incident_id()?.to_string()))
}

async fn start() -> (Sandbox, i64, Running) {
    let builder = ["Read", "Needs incident"].into_iter().fold(Sandbox::builder(), |builder, rule| {
        builder.rule(Rule::menu_item(rule).on_incident().to("mail"))
    });
    let sandbox = builder.start().await.unwrap();
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    let config = Config::from_text(&sandbox.app_config()).unwrap();
    (sandbox, incident, run(config, &[&MAIL]).await)
}

/// Sends a message of this rule about an object without an incident.
fn send(sandbox: &Sandbox, rule: &str, incident: i64, kind: i64, key: &str, object: Value) -> InvocationId {
    let message = with_body(sandbox.compose(rule, incident, json!({})).unwrap(), |body| {
        body["incident"] = Value::Null;
        body["object_type"] = json!(kind);
        body[key] = object;
    });
    let id = message.invocation;
    sandbox.publish(Publication::from(message)).unwrap();
    id
}

#[tokio::test]
async fn a_message_without_an_incident_reaches_its_rules_handler() {
    let (sandbox, incident, mut running) = start().await;
    let mail = |id| json!({"id": id, "inc_id": null, "subject": "Hi"});
    let first = send(&sandbox, "Read", incident, 13, "emailmessage", mail(7));
    let begun = running.until(|signal| matches!(signal, Signal::ActionStarted(_))).await;
    assert!(
        matches!(&begun, Signal::ActionStarted(it) if it.about.action.name.as_deref() == Some("Read") && it.about.incident.is_none()),
        "{begun:?}"
    );
    sandbox.until(first, |invocation| invocation.text() == "7 Some(EmailMessage)").await;

    // A second message about the same e-mail waits; one about another e-mail, or about an object of a type that this library
    // does not know, does not.
    let second = send(&sandbox, "Read", incident, 13, "emailmessage", mail(7));
    let other = send(&sandbox, "Read", incident, 13, "emailmessage", mail(8));
    sandbox.until(other, |invocation| invocation.text() == "8 Some(EmailMessage)").await;
    let unknown = send(&sandbox, "Read", incident, 4711, "widget", json!({"id": 5}));
    assert_eq!(sandbox.settled(unknown).await.text(), "5 None\nread");
    assert_eq!(sandbox.invocation(second).unwrap().text(), "");
    GATE.add_permits(3);
    for id in [first, second, other] {
        assert_eq!(sandbox.settled(id).await.status, Status::Completed);
    }

    // Only a handler that asks for the incident gets the error that there is none.
    let asks = send(&sandbox, "Needs incident", incident, 13, "emailmessage", mail(9));
    let answer = sandbox.settled(asks).await;
    assert_eq!(
        (answer.status, answer.text()),
        (Status::Error, "The message has no incident with an id".to_owned())
    );
    running.stop().await.unwrap();
}
