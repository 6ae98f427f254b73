//! The handler's answers and calls: no network, a paused clock.

use add_task as _;
use circuits_testing::{Kit, Mock};
use serde_json::{Value, json};

/// As the platform sends it.
fn message(user: Value) -> Value {
    json!({
        "incident": {"id": 2095},
        "object_type": 0,
        "properties": {"task_name": "Call the owner", "task_phase": 7, "task_instructions": "Today"},
        "type_info": {"actioninvocation": {"fields": {"task_phase": {"values": {"7": {"label": "Engage"}}}}}},
        "user": user,
    })
}

#[tokio::test(start_paused = true)]
async fn the_user_who_asked_becomes_a_member_and_the_owner() {
    let platform = Mock::new()
        .on("GET", "/users/{id}", json!({"id": 5}))
        .on("GET", "/incidents/2095/members", json!({"members": [1], "vers": 3}))
        // Somebody else was faster; the handler reads again.
        .reply("PUT", "/incidents/2095/members", 409, json!({"success": false}))
        .on("PUT", "/incidents/2095/members", json!({}))
        .on("POST", "/incidents/2095/tasks", json!({"id": 7}));
    let kit = Kit::new("add_task", platform).await.unwrap();
    let done = kit.handle("Add Task", message(json!({"id": 5}))).await;
    assert_eq!(done.reply.text(), "Task \"Call the owner\" added to phase Engage");
    let calls = kit.calls();
    let methods: Vec<_> = calls.iter().map(|call| call.method.as_str()).collect();
    assert_eq!(methods, ["GET", "GET", "PUT", "GET", "PUT", "POST"]);
    assert_eq!(calls[4].body["members"], json!([1, 5]));
    assert_eq!(calls[5].body["owner_id"], 5);
    assert!(calls.iter().all(|call| call.token.is_some()));
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_refuses_the_analyst_reads() {
    let refusal = json!({"success": false, "message": "The incident is closed."});
    let platform = Mock::new().reply("POST", "/incidents/2095/tasks", 400, refusal);
    let kit = Kit::new("add_task", platform).await.unwrap();
    let done = kit.handle("Add Task", message(Value::Null)).await;
    assert!(done.reply.is_error() && done.reply.text().contains("The incident is closed."), "{done:?}");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "POST /incidents/2095/tasks was not expected. Expected: GET /users/{id}")]
async fn a_call_that_nobody_expects_fails_the_test() {
    let kit = Kit::new("add_task", Mock::new().on("GET", "/users/{id}", json!({}))).await.unwrap();
    kit.handle("Add Task", message(Value::Null)).await;
}
