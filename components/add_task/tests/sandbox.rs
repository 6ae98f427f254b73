//! The component on a platform: its definitions, its rule, and the result.

use add_task as _;
use circuits_testing::{Sandbox, Stage, Status};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_added() {
    let stage = Stage::start("add_task", Sandbox::builder().incident("Phishing mail")).await.unwrap();
    let fields = json!({"task_name": "Call the owner", "task_phase": "Engage", "task_instructions": null});
    let done = stage.fire("Add Task", 2096, fields).await;
    assert_eq!((done.status, done.text().lines().count()), (Status::Completed, 1), "{}", done.text());
    let tasks = stage.sandbox().tasks(2096);
    assert_eq!((tasks.len(), tasks[0]["name"].as_str()), (1, Some("Call the owner")));
    stage.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_linked_is_named() {
    let error = Stage::start("greeter", Sandbox::builder()).await.unwrap_err().to_string();
    assert!(error.contains("No component `greeter` is linked") && error.contains("add_task"), "{error}");
}
