//! Keeping the date of the last change.

use circuits_sandbox::Status;
use serde_json::json;

use crate::platform::start;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_dates_the_incident_and_does_not_fire_itself() {
    let platform = start("last_updated").await;
    platform.sandbox.edit_incident(platform.incident, json!({"city": "Bern"})).unwrap();
    let fired = platform.sandbox.fired("Incident Updated", 1).await;
    let invocation = platform.sandbox.settled(fired[0].id).await;
    assert_eq!((invocation.status, invocation.text()), (Status::Completed, "last_updated set".to_owned()));
    let incident = platform.sandbox.incident(platform.incident);
    assert!(incident["properties"]["last_updated"].as_i64().is_some_and(|date| date > 1_500_000_000_000));
    assert_eq!(incident["city"], "Bern");
    assert!(platform.all_carry_the_token());
    assert_eq!(platform.sandbox.invocations().len(), 1, "the date's own change fired the rule again");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_late_does_not_turn_the_date_back() {
    let platform = start("last_updated").await;
    let later = 4_000_000_000_000_i64;
    // A change that fires no rule, so that the message below is the first.
    let message = platform.sandbox.compose("Incident Updated", platform.incident, json!({})).unwrap();
    let path = format!("/incidents/{}", platform.incident);
    platform
        .rest
        .update(&path, |incident| incident["properties"]["last_updated"] = later.into())
        .await
        .unwrap();
    platform.publish(message).await;
    assert_eq!(platform.sandbox.incident(platform.incident)["properties"]["last_updated"], later);
    platform.stop().await;
}
