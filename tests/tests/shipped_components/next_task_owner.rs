//! Keeping the name of the person who has to act next.

use circuits_sandbox::Status;
use serde_json::{Value, json};

use crate::platform::{Platform, refusal, start_with};

const FIELD: &str = "next_task_owned_by";

async fn add_task(platform: &Platform, name: &str, owner: Option<i64>) -> i64 {
    let path = format!("/incidents/{}/tasks", platform.incident);
    let task: Value = platform.rest.post(&path, &json!({"name": name, "owner_id": owner})).await.unwrap();
    task["id"].as_i64().unwrap()
}

async fn close(platform: &Platform, task: i64) {
    platform.rest.update(&format!("/tasks/{task}"), |task| task["status"] = "C".into()).await.unwrap();
}

/// The reply to the n-th change of a task, counted from 1.
async fn reply(platform: &Platform, n: usize) -> String {
    let fired = platform.sandbox.fired("Task Changed", n).await;
    let invocation = platform.sandbox.settled(fired[n - 1].id).await;
    assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1));
    invocation.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_the_next_open_task_follows_the_tasks() {
    let platform = start_with("next_task_owner", &[("quiet", "0")]).await;
    let first = add_task(&platform, "a", Some(2)).await;
    assert_eq!(reply(&platform, 1).await, "next_task_owned_by set to \"Alex Analyst\"");
    let second = add_task(&platform, "b", None).await;
    assert_eq!(reply(&platform, 2).await, "next_task_owned_by set to \"Alex Analyst\"");
    close(&platform, first).await;
    assert_eq!(reply(&platform, 3).await, "next_task_owned_by set to \"Nobody\"");
    close(&platform, second).await;
    assert_eq!(reply(&platform, 4).await, "next_task_owned_by set to \"All tasks complete\"");
    assert_eq!(platform.sandbox.incident(platform.incident)["properties"][FIELD], "All tasks complete");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_only_the_newest_waits_to_be_looked_at() {
    let platform = start_with("next_task_owner", &[("quiet", "3600"), ("max_wait", "3600")]).await;
    let first = add_task(&platform, "a", Some(3)).await;
    add_task(&platform, "b", Some(3)).await;
    close(&platform, first).await;
    for n in 1..3 {
        assert!(reply(&platform, n).await.starts_with("Superseded"));
    }
    let newest = &platform.sandbox.fired("Task Changed", 3).await[2];
    assert_eq!(newest.status, Status::Pending);
    assert!(platform.sandbox.incident(platform.incident)["properties"][FIELD].is_null());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_times_out_of_range_are_named() {
    let refusal = refusal("next_task_owner", &[("quiet", "3601")]).await;
    assert!(refusal.contains("quiet") && refusal.contains("0 to 3600"), "{refusal}");
}
