//! The component on its own: its definitions, its settings, and its answer where no callback can come in.

use circuits_testing::{Kit, Mock};
use forward as _;
use serde_json::json;

#[test]
fn the_menu_item_sends_to_the_components_destination() {
    let linked = circuits::registrations();
    let forward = linked.iter().find(|one| one.name() == "forward").unwrap();
    let definitions = forward.platform_definitions();
    let [rule] = definitions.rules() else { panic!("{definitions:?}") };
    assert_eq!((rule.name(), rule.is_automatic()), ("Forward and wait", false));
    assert_eq!(rule.destination(), Some(definitions.destinations()[0].programmatic_name()));
}

#[tokio::test(start_paused = true)]
async fn without_a_listener_the_analyst_reads_what_to_set() {
    let kit = Kit::new("forward", Mock::new()).await.unwrap();
    let done = kit.handle("Forward and wait", json!({"incident": {"id": 2095}})).await;
    assert_eq!(done.statuses, ["Incident 2095 is with the other system"]);
    let text = done.reply.text();
    assert!(done.reply.is_error() && text.contains("set http_port= in [resilient]"), "{text}");
}

#[tokio::test]
async fn a_patience_that_is_no_patience_is_refused_at_the_start() {
    for minutes in ["0", "10081"] {
        let section = format!("[forward]\ncallback_minutes={minutes}\n");
        let error = Kit::configured("forward", &section, Mock::new()).await.unwrap_err().to_string();
        assert!(error.contains("callback_minutes") && error.contains("1 to 10080"), "{error}");
    }
}

#[test]
fn the_listener_is_linked_under_its_name() {
    let names: Vec<_> = circuits::listeners().iter().map(|one| (one.name(), one.kind().name())).collect();
    assert_eq!(names, [("completed_actions", "action_completed")]);
}
