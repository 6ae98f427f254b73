//! Compares the sandbox's JSON with recordings of the real platform: every recorded key must be in the sandbox's JSON too.

use std::path::PathBuf;

use crate::support::Rest;
use circuits_sandbox::{Rule, Sandbox};
use serde_json::{Value, json};

/// The recording whose path ends like this; `None` in a clone without the recordings.
fn recorded(folder: &str, name: &str) -> Option<Value> {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let Ok(files) = std::fs::read_dir(data.join(folder)) else {
        println!("skipped: no ../shared/data");
        return None;
    };
    let mut paths = files.map(|file| file.unwrap().path());
    let path = paths.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(name)).expect(name);
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// Keys that the recording has and ours lacks.
fn missing(recorded: &Value, ours: &Value) -> Vec<String> {
    let ours = ours.as_object().expect("an object");
    recorded.as_object().expect("an object").keys().filter(|key| !ours.contains_key(*key)).cloned().collect()
}

#[tokio::test]
async fn a_message_has_what_recorded_messages_have() {
    let Some(recorded) = recorded("messages", "ActionMessage_AddTask") else { return };
    let sandbox = Sandbox::builder().rule(Rule::menu_item("Add Task").to("q")).start().await.unwrap();
    let message = sandbox.compose("Add Task", 2095, json!({"task_name": "x"})).unwrap();
    let ours: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(missing(&recorded, &ours), [""; 0]);
    assert_eq!(missing(&recorded["incident"], &ours["incident"]), [""; 0]);
    assert_eq!(missing(&recorded["user"], &ours["user"]), [""; 0]);
    assert_eq!(missing(&recorded["type_info"]["incident"], &ours["type_info"]["incident"]), [""; 0]);
    let value = |data: &Value| {
        let severity = data["incident"]["severity_code"].to_string();
        data["type_info"]["incident"]["fields"]["severity_code"]["values"][severity].clone()
    };
    assert_eq!(missing(&value(&recorded), &value(&ours)), [""; 0]);
}

#[tokio::test]
async fn rest_answers_have_what_recorded_answers_have() {
    let Some(actions) = recorded("rest", "200_JSON_GET__rest_orgs_211_actions") else { return };
    let sandbox = Sandbox::builder().rule(Rule::automatic("R").to("q")).start().await.unwrap();
    let rest = Rest::new(&sandbox);
    assert_eq!(missing(&actions["entities"][0], &rest.get("/actions").await["entities"][0]), [""; 0]);
    let fields = recorded("rest", "200_JSON_GET__rest_orgs_211_types_incident_fields").unwrap();
    let ours = rest.get("/types/incident/fields").await;
    let named = |list: &Value, name: &str| {
        list.as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone()
    };
    for name in ["name", "severity_code", "custom1"] {
        assert_eq!(missing(&named(&fields, name), &named(&ours, name)), [""; 0], "{name}");
    }
    let members = recorded("rest", "200_JSON_GET__rest_orgs_211_incidents_4573_members").unwrap();
    assert_eq!(missing(&members, &rest.get("/incidents/2095/members").await), [""; 0]);
    let user = recorded("rest", "200_JSON_GET__rest_orgs_211_users_115").unwrap();
    assert_eq!(missing(&user, &rest.get("/users/1").await), [""; 0]);
    let session = recorded("rest", "200_JSON_POST__rest_session").unwrap();
    let credentials = sandbox.credentials();
    let body = json!({"email": credentials.email, "password": credentials.password});
    assert_eq!(missing(&session, &rest.post("!/session", body).await), [""; 0]);
}
