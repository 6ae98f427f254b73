//! A rule that is created while the runner runs.

use circuits_sandbox::Status;
use circuits_tests::probe::Probe;
use circuits_tests::world::{On, World};
use serde_json::{Value, json};

/// The list of rules is fetched again, once, for an id that is not in it.
#[tokio::test(flavor = "multi_thread")]
async fn are_learnt_by_their_first_message() {
    let world = World::start(On::Sandbox).await;
    let probe = Probe::new("new-rules");
    let runner = world.run(&probe, "").await;
    let rest = circuits::login(&world.config(&probe, ""), |_| {}).await.unwrap();
    let rules: Value = rest.get("/actions").await.unwrap();
    let echo = rules["entities"].as_array().unwrap().iter().find(|rule| rule["name"] == "Echo").unwrap();
    let fetched = || {
        world
            .sandbox
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("/actions") && request.method == "GET")
            .count()
    };
    let before = fetched();
    let rule = json!({"name": "Echo twice", "type": 1, "object_type": 0, "message_destinations": echo["message_destinations"]});
    let rule: Value = rest.post("/actions", &rule).await.unwrap();

    let incident = world.incident();
    for _ in 0..3 {
        let id = world.sandbox.fire(rule["name"].as_str().unwrap(), incident, json!({})).unwrap();
        let invocation = world.settled(id).await;
        assert_eq!(invocation.status, Status::Error);
        assert!(
            invocation.text().contains("No handler for the rule") && invocation.text().contains("`Echo`"),
            "{}",
            invocation.text()
        );
    }
    assert_eq!(fetched(), before + 1, "one look for the new rule is enough");
    runner.stop().await.unwrap();
}
