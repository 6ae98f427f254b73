//! Assigning the open tasks to one person.

use circuits_sandbox::{RestFault, Status};
use serde_json::{Value, json};

use crate::platform::{Platform, start};

const ALEX: i64 = 2;
const ROBIN: i64 = 3;

/// Three unassigned tasks, one of them in phase Respond, and one task that Robin owns.
async fn start_with_tasks() -> Platform {
    let platform = start("assign_tasks").await;
    let path = format!("/incidents/{}/tasks", platform.incident);
    for task in [
        json!({"name": "a", "phase_id": {"name": "Engage"}}),
        json!({"name": "b", "phase_id": {"name": "Respond"}}),
        json!({"name": "c", "phase_id": {"name": "Engage"}, "status": "C"}),
        json!({"name": "d", "phase_id": {"name": "Engage"}, "owner_id": ROBIN}),
    ] {
        platform.rest.post::<_, Value>(&path, &task).await.unwrap();
    }
    platform
}

fn owners(platform: &Platform) -> Vec<(String, Option<i64>)> {
    let tasks = platform.sandbox.tasks(platform.incident);
    tasks.iter().map(|task| (task["name"].as_str().unwrap().to_owned(), task["owner_id"].as_i64())).collect()
}

fn owned(owners: [Option<i64>; 4]) -> Vec<(String, Option<i64>)> {
    ["a", "b", "c", "d"].map(str::to_owned).into_iter().zip(owners).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn free_open_tasks_go_to_the_person_who_becomes_a_member() {
    let platform = start_with_tasks().await;
    let before = platform.sandbox.requests().len();
    let invocation = platform.fire("Assign Tasks", json!({"assign_to": "alex@sandbox.example"})).await;
    assert_eq!(invocation.text(), "Tasks assigned to Alex Analyst: 2");
    assert_eq!(owners(&platform), owned([Some(ALEX), Some(ALEX), None, Some(ROBIN)]));
    assert_eq!(platform.sandbox.incident(platform.incident)["members"], json!([ALEX]));
    let writes: Vec<_> = platform.sandbox.requests()[before..]
        .iter()
        .filter(|request| request.method != "GET")
        .map(|request| request.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(writes, ["members", "tasks"], "one request for all tasks");

    let invocation = platform.fire("Assign Tasks", json!({"assign_to": "alex analyst"})).await;
    assert_eq!(invocation.text(), "There is no unassigned open task");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_tasks_of_a_phase_go_to_whoever_asks() {
    let platform = start_with_tasks().await;
    let fields: Vec<Value> = platform.rest.get("/types/actioninvocation/fields").await.unwrap();
    let field = fields.iter().find(|field| field["name"] == "assign_phase").unwrap();
    let choices = field["values"].as_array().unwrap();
    let respond = choices.iter().find(|choice| choice["label"] == "Respond").unwrap();
    let invocation =
        platform.fire("Assign Tasks", json!({"assign_to": " ", "assign_phase": respond["value"]})).await;
    assert_eq!(invocation.text(), "Tasks assigned to Sam Sandbox: 1");
    assert_eq!(owners(&platform), owned([None, Some(1), None, Some(ROBIN)]));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_person_is_named() {
    let platform = start_with_tasks().await;
    let invocation = platform.fire("Assign Tasks", json!({"assign_to": "nobody@sandbox.example"})).await;
    assert_eq!(invocation.status, Status::Error);
    assert!(invocation.text().contains("nobody@sandbox.example"), "{}", invocation.text());
    assert_eq!(owners(&platform), owned([None, None, None, Some(ROBIN)]));
    platform.stop().await;
}

/// Somebody else takes a task between reading and writing.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_others_change_meanwhile_are_chosen_again() {
    let platform = start_with_tasks().await;
    platform.sandbox.faults().rest(RestFault::status("PUT", "/tasks", 409).times(1));
    let invocation = platform.fire("Assign Tasks", json!({"assign_to": "Alex Analyst"})).await;
    assert_eq!(invocation.text(), "Tasks assigned to Alex Analyst: 2");
    let listed =
        platform.sandbox.requested("GET", &format!("/incidents/{}/tasks", platform.incident), 2).await;
    assert_eq!(listed.len(), 2, "the tasks were read again");
    platform.sandbox.faults().rest(RestFault::status("PUT", "/tasks", 409).times(100));
    let path = format!("/incidents/{}/tasks", platform.incident);
    platform.rest.post::<_, Value>(&path, &json!({"name": "e"})).await.unwrap();
    let invocation = platform.fire("Assign Tasks", json!({"assign_to": "Alex Analyst"})).await;
    assert!(invocation.text().starts_with("No task was assigned"), "{}", invocation.text());
    platform.stop().await;
}
