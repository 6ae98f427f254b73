//! The function by itself, and called by its workflow on a platform.

use artifact_summary as _;
use circuits_testing::{Kit, Mock, Sandbox, Stage, Status};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn artifacts_are_counted_by_type_or_of_one() {
    let artifacts = json!([{"type": "IP Address"}, {"type": "URL"}, {"type": "IP Address"}]);
    let kit = Kit::new("artifact_summary", Mock::new().on("GET", "/incidents/2095/artifacts", artifacts))
        .await
        .unwrap();
    let done = kit.call("artifact_summary", json!({"incident_id": 2095, "artifact_type": null})).await;
    assert_eq!(done.reply.output(), Some(&json!({"total": 3, "by_type": {"IP Address": 2, "URL": 1}})));
    let done = kit.call("artifact_summary", json!({"incident_id": 2095, "artifact_type": "URL"})).await;
    assert_eq!(done.reply.output(), Some(&json!({"total": 1, "by_type": {"URL": 1}})));
    let done = kit.call("artifact_summary", json!({})).await;
    assert!(done.reply.is_error() && done.reply.text().contains("incident_id"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_item_starts_the_workflow_that_calls_it() {
    let stage = Stage::start("artifact_summary", Sandbox::builder().incident("Phishing")).await.unwrap();
    stage.sandbox().create_artifact(2096, json!({"type": 1, "value": "192.0.2.7"})).unwrap();
    let done = stage.fire("Summarise Artifacts", 2096, json!({})).await;
    assert_eq!((done.status, done.incident), (Status::Completed, 2096), "{done:?}");
    assert_eq!(done.results(), Some(&json!({"total": 1, "by_type": {"IP Address": 1}})));
    let done = stage.call("artifact_summary", json!({"incident_id": 2095})).await;
    assert_eq!(done.results(), Some(&json!({"total": 0, "by_type": {}})));
    stage.stop().await.unwrap();
}
