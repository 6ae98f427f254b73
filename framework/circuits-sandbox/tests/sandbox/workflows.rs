//! Functions, the workflows that call them, and exports of the configuration.

use crate::support::{Rest, Stomp};
use circuits_sandbox::{InvocationId, Sandbox, Status};
use serde_json::{Value, json};

const FLOW: &str = r#"<definitions><process><serviceTask><resilient:function uuid="f-1">
    {"inputs": {"i-2": {"static_input": {"select_value": "v-1"}}},
     "pre_processing_script": "inputs.incident_id = incident.id\ninputs.word = rule.properties.word\nprint(1)"}
    </resilient:function></serviceTask><serviceTask><resilient:function uuid="f-2">{"inputs": {}}</resilient:function></serviceTask>
    </process></definitions>"#;

fn export() -> Value {
    let function = |name: &str, uuid: &str| json!({"name": name, "uuid": uuid, "destination_handle": "q", "view_items": []});
    let input =
        |name: &str, uuid: &str| json!({"name": name, "uuid": uuid, "type_id": 11, "input_type": "text"});
    let mut colour = input("colour", "i-2");
    colour["input_type"] = json!("select");
    colour["values"] = json!([{"label": "red", "value": 7, "uuid": "v-1"}]);
    json!({
        "export_format_version": 2,
        "message_destinations": [{"programmatic_name": "q", "name": "Q"}],
        "fields": [input("incident_id", "i-1"), colour],
        "functions": [function("first", "f-1"), function("second", "f-2")],
        "workflows": [{"programmatic_name": "flow", "name": "Flow", "uuid": "w-1", "content": {"xml": FLOW}}],
        "playbooks": [{"name": "play", "uuid": "p-1"}],
        "actions": [{"name": "Go", "type": 1, "object_type": "incident", "message_destinations": [], "workflows": ["flow"]}],
    })
}

async fn imported(export: Value) -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let rest = Rest::new(&sandbox);
    let begun = rest.post("/configurations/imports", export).await;
    assert_eq!(begun["status"], "PENDING");
    let path = format!("/configurations/imports/{}", begun["id"]);
    rest.put(&path, json!({"id": begun["id"], "status": "ACCEPTED"})).await;
    (sandbox, rest)
}

fn answer(sandbox: &Sandbox, id: InvocationId, body: &Value) {
    sandbox.reply(vec![("correlation-id".to_owned(), id.correlation_id())], body.to_string());
}

/// The invocations of one function.
fn calls(sandbox: &Sandbox, function: &str) -> Vec<circuits_sandbox::Invocation> {
    sandbox.invocations().into_iter().filter(|one| one.rule == function).collect()
}

#[tokio::test]
async fn a_workflow_calls_one_function_after_the_other() {
    let (sandbox, _rest) = imported(export()).await;
    let mut stomp = Stomp::admin(&sandbox).await;
    stomp.subscribe("actions.201.q", "").await;
    let first = sandbox.fire("Go", 2095, json!({"word": "hello"})).unwrap();
    let message = stomp.frame().await;
    assert_eq!(
        (message.get("Co3MessagePayload"), message.get("reply-to")),
        ("FunctionDataDTO", "/queue/acks.201.q")
    );
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    let inputs = json!({"colour": {"id": 7, "name": "red"}, "incident_id": 2095, "word": "hello"});
    assert_eq!((&body["function"]["name"], &body["inputs"]), (&json!("first"), &inputs));
    assert_eq!((&body["workflow"]["programmatic_name"], &body["incident"]), (&json!("flow"), &Value::Null));
    assert!(calls(&sandbox, "second").is_empty());
    answer(&sandbox, first, &json!({"message_type": 0, "message": "half way", "complete": false}));
    assert!(calls(&sandbox, "second").is_empty(), "an interim status ends nothing");
    answer(
        &sandbox,
        first,
        &json!({"message_type": 0, "message": "ok", "complete": true, "results": {"n": 1}}),
    );
    let done = sandbox.invocation(first).unwrap();
    assert_eq!((done.status, done.results()), (Status::Completed, Some(&json!({"n": 1}))));
    let second = calls(&sandbox, "second").remove(0);
    assert_eq!((second.status, second.incident), (Status::Pending, 2095));

    let failing = sandbox.fire("Go", 2095, json!({})).unwrap();
    answer(&sandbox, failing, &json!({"message_type": 1, "message": "no", "complete": true}));
    assert_eq!(calls(&sandbox, "second").len(), 1, "an error ends the workflow");
}

#[tokio::test]
async fn a_function_is_called_without_a_workflow_too() {
    let (sandbox, rest) = imported(export()).await;
    let id = sandbox.call("first", json!({"incident_id": 2095})).unwrap();
    let pending = sandbox.invocation(id).unwrap();
    assert_eq!((pending.rule.as_str(), pending.destination.as_str(), pending.incident), ("first", "q", 2095));
    assert!(sandbox.call("nobody", json!({})).unwrap_err().is_unknown());
    rest.post("/functions", json!({"name": "nowhere"})).await;
    assert!(sandbox.call("nowhere", json!({})).unwrap_err().is_refused());
}

#[tokio::test]
async fn what_is_imported_is_exported_and_imported_again_becomes_as_it_is() {
    let (_sandbox, rest) = imported(export()).await;
    let whole = rest.post("/configurations/exports/", json!({"actions": true})).await;
    let names = |list: &str, key: &str| -> Vec<Value> {
        whole[list].as_array().unwrap().iter().map(|one| one[key].clone()).collect()
    };
    assert_eq!(whole["export_format_version"], 2);
    assert_eq!(names("functions", "uuid"), ["f-1", "f-2"]);
    assert_eq!(names("workflows", "programmatic_name"), ["flow"]);
    assert_eq!(names("playbooks", "name"), ["play"]);
    assert_eq!(names("actions", "object_type"), ["incident"]);
    let field =
        |name: &str| whole["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).cloned();
    assert_eq!(field("colour").unwrap()["values"][0]["uuid"], "v-1");

    let mut changed = export();
    changed["functions"][0]["display_name"] = json!("Other");
    changed["fields"][1]["values"] = json!([{"label": "blue"}]);
    changed["actions"][0]["enabled"] = json!(false);
    let begun = rest.post("/configurations/imports", changed.clone()).await;
    let path = format!("/configurations/imports/{}", begun["id"]);
    rest.put(&path, json!({"status": "REJECTED"})).await;
    assert_eq!(rest.get("/functions/first").await["display_name"], "first");
    let begun = rest.post("/configurations/imports", changed).await;
    let path = format!("/configurations/imports/{}", begun["id"]);
    rest.put(&path, json!({"status": "ACCEPTED"})).await;
    assert_eq!(rest.get("/functions/first").await["display_name"], "Other");
    let values = rest.get("/types/__function/fields/colour").await["values"].clone();
    assert_eq!((values.as_array().unwrap().len(), &values[0]["label"]), (1, &json!("blue")));
}
