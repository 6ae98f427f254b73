//! A milestone for each phase.

use circuits_sandbox::Status;
use serde_json::json;

use crate::platform::{Platform, start_with};

/// Moves the incident to a phase; returns the reply to the n-th change, counted from 1.
async fn enter(platform: &Platform, phase: &str, n: usize) -> String {
    platform.sandbox.edit_incident(platform.incident, json!({"phase_id": phase})).unwrap();
    let fired = platform.sandbox.fired("Phase Changed", n).await;
    let invocation = platform.sandbox.settled(fired[n - 1].id).await;
    assert_eq!(invocation.status, Status::Completed, "{}", invocation.text());
    invocation.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_gets_one_milestone() {
    let platform = start_with("phase_milestone", &[("delay", "0")]).await;
    assert_eq!(enter(&platform, "Respond", 1).await, "Milestone \"Respond\" added");
    assert_eq!(enter(&platform, "Engage", 2).await, "Milestone \"Engage\" added");
    assert_eq!(enter(&platform, "Respond", 3).await, "There is a milestone \"Respond\" already");
    let milestones = platform.sandbox.milestones(platform.incident);
    let shown: Vec<_> = milestones
        .iter()
        .map(|one| (one["title"].as_str().unwrap(), one["description"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("Respond", "Phase changed from Initial to Respond"),
            ("Engage", "Phase changed from Respond to Engage")
        ]
    );
    assert!(milestones[0]["date"].as_i64().is_some_and(|date| date > 1_500_000_000_000));
    assert!(platform.all_carry_the_token());
    platform.stop().await;
}

/// The incident moves on while the first action waits: both phases were entered, both get their milestone.
#[tokio::test(flavor = "multi_thread")]
async fn a_phase_that_was_left_meanwhile_gets_its_milestone_too() {
    let platform = start_with("phase_milestone", &[("delay", "1")]).await;
    for phase in ["Engage", "Respond"] {
        platform.sandbox.edit_incident(platform.incident, json!({"phase_id": phase})).unwrap();
    }
    for invocation in platform.sandbox.fired("Phase Changed", 2).await {
        platform.sandbox.settled(invocation.id).await;
    }
    let milestones = platform.sandbox.milestones(platform.incident);
    let titles: Vec<_> = milestones.iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Engage", "Respond"]);
    platform.stop().await;
}
