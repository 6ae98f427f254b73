//! Greeting, adding a task and looking a value up.

use circuits_sandbox::Status;
use circuits_tests::world::with_body;
use serde_json::json;

use crate::platform::{Platform, recorded, start, start_with};

/// Starts the component with a table of two rows, which exists as long as the folder.
async fn start_lookup() -> (Platform, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("lookup.csv");
    std::fs::write(&table, "value1,some details about value 1\nvalue2,some details about value 2\n").unwrap();
    (start_with("file_lookup", &[("reference_file", &table.display().to_string())]).await, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn example_greets_and_leaves_an_artifact() {
    let platform = start("example").await;
    let invocation = platform.fire("Example Action", json!({})).await;
    assert_eq!(
        invocation.text(),
        format!(
            "Called from incident {}: Phishing mail\nHello, Phishing mail! An artifact was added.",
            platform.incident
        )
    );
    assert_eq!(platform.sandbox.artifacts(platform.incident).len(), 1);
    assert!(platform.all_carry_the_token());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn add_task_makes_the_recorded_calls() {
    let message = json!({
        "properties": {"task_name": "Call the owner", "task_phase": 7, "task_instructions": null},
        "type_info": {"actioninvocation": {"fields": {"task_phase": {"values": {"7": {"label": "Engage"}}}}}},
        "user": {"id": 1}, "incident": {}, "object_type": 0,
    });
    for message in [Some(message), recorded("messages", "ActionMessage_AddTask")].into_iter().flatten() {
        let platform = start("add_task").await;
        let name = message["properties"]["task_name"].as_str().unwrap().to_owned();
        let invocation = platform.replay("Add Task", message).await;
        assert_eq!(invocation.text(), format!("Task \"{name}\" added to phase Engage"));
        // The calls that were recorded with the message, in their order.
        let incident = "/rest/orgs/*/incidents/*";
        assert_eq!(
            platform.calls(),
            [
                "GET /rest/orgs/*/users/*".to_owned(),
                format!("GET {incident}/members"),
                format!("PUT {incident}/members"),
                format!("POST {incident}/tasks"),
            ]
        );
        assert!(platform.all_carry_the_token());
        let tasks = platform.sandbox.tasks(platform.incident);
        assert_eq!(
            (tasks[0]["name"].as_str(), tasks[0]["owner_id"].as_i64()),
            (Some(name.as_str()), Some(1))
        );
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_lookup_makes_the_recorded_calls() {
    let message = json!({"incident": {"properties": {"custom1": "value2", "custom2": null}}, "user": {"id": 1}, "object_type": 0});
    for message in [Some(message), recorded("messages", "ActionMessage_Lookup_Value")].into_iter().flatten() {
        let (platform, _folder) = start_lookup().await;
        let invocation = platform.replay("Lookup Value", message).await;
        assert_eq!(invocation.text(), "custom2 set to \"some details about value 2\"");
        assert_eq!(platform.calls(), ["GET /rest/orgs/*/incidents/*", "PUT /rest/orgs/*/incidents/*"]);
        assert!(platform.all_carry_the_token());
        let incident = platform.sandbox.incident(platform.incident);
        assert_eq!(incident["properties"]["custom2"], "some details about value 2");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_saves_its_incident_does_not_fire_itself() {
    let (platform, _folder) = start_lookup().await;
    platform.sandbox.edit_incident(platform.incident, json!({"properties": {"custom1": "value1"}})).unwrap();
    let fired = platform.sandbox.fired("Lookup Value", 1).await;
    let invocation = platform.sandbox.settled(fired[0].id).await;
    assert_eq!(invocation.status, Status::Completed);
    assert_eq!(platform.sandbox.invocations().len(), 1, "the action's own change fired its rule again");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_a_rule_and_its_handling_is_kept() {
    let (platform, _folder) = start_lookup().await;
    let sandbox = &platform.sandbox;
    // The message contains the incident as it was when the rule fired.
    let message = sandbox.compose("Lookup Value", platform.incident, json!({})).unwrap();
    let message = with_body(message, |body| body["incident"]["properties"]["custom1"] = json!("value1"));
    sandbox.edit_incident(platform.incident, json!({"name": "Renamed meanwhile"})).unwrap();
    assert_eq!(platform.publish(message).await.status, Status::Completed);
    let incident = sandbox.incident(platform.incident);
    assert_eq!(incident["name"], "Renamed meanwhile");
    assert_eq!(incident["properties"]["custom2"], "some details about value 1");
    platform.stop().await;
}
