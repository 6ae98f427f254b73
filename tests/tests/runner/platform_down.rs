//! A platform whose REST API is down while actions come.

use circuits::config::Config;
use circuits::prelude::*;
use circuits_sandbox::{RestFault, Rule, Sandbox, Status};
use circuits_tests::world::run;
use serde_json::{Value, json};

static READER: Registration = Registration::new("reader", component);

fn component(_: &Setup) -> Result<Component> {
    Ok(Component::builder("reader", ()).on("Read", read).build())
}

async fn read(action: Action) -> Result<Reply> {
    let incident: Value = action.rest().get(&format!("/incidents/{}", action.incident_id()?)).await?;
    Ok(Reply::completed(format!("{}", incident["name"])))
}

/// The first actions fail and show that it is down; the others wait for it, however long that takes, and none of them fails.
#[tokio::test(flavor = "multi_thread")]
async fn actions_wait_instead_of_failing_one_after_another() {
    let rule = Rule::menu_item("Read").on_incident().to("reader");
    let sandbox = Sandbox::builder().rule(rule).start().await.unwrap();
    let settings = "request_max_retries=1\nrequest_retry_delay=0\nhandler_timeout=1\n";
    let config = Config::from_text(&format!("{}{settings}", sandbox.app_config())).unwrap();
    let running = run(config, &[&READER]).await;
    let fire = |name: &str| {
        let incident = sandbox.create_incident(json!({"name": name, "discovered_date": 0})).unwrap();
        sandbox.fire("Read", incident, json!({})).unwrap()
    };
    sandbox.faults().rest(RestFault::status("*", "/", 503).times(1_000_000));
    for _ in 0..3 {
        let told = sandbox.settled(fire("told")).await;
        assert!(told.status == Status::Error && told.text().contains("503"), "{}", told.text());
    }
    let waiting: Vec<_> = (0..30).map(|_| fire("patient")).collect();
    // The runner itself asks whether the platform is up again; an action that asked would fail.
    let before = sandbox.requests().len();
    sandbox.requested("*", "/", before + 3).await;
    assert!(waiting.iter().all(|id| sandbox.invocation(*id).unwrap().status == Status::Pending));
    sandbox.faults().clear_rest();
    for id in waiting {
        let done = sandbox.settled(id).await;
        assert_eq!((done.status, done.text()), (Status::Completed, "\"patient\"".to_owned()));
    }
    running.stop().await.unwrap();
}
