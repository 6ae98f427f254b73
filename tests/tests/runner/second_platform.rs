//! A component that talks to a second platform, which a separate section describes.

use std::sync::Arc;

use circuits::config::Config;
use circuits::prelude::*;
use circuits::{Platform, Runner, Signal};
use circuits_sandbox::{Rule, Sandbox, Status};
use circuits_tests::world::Running;
use serde_json::{Value, json};

static MIRROR: Registration = Registration::new("mirror", component).config("[mirror]\n");

fn component(setup: &Setup) -> Result<Component> {
    Ok(Component::builder("mirror", setup.platform("other")?).on("Mirror", mirror).build())
}

/// Creates the incident on the other platform too.
async fn mirror(other: Arc<Platform>, action: Action) -> Result<Reply> {
    let name = &action.incident()?["name"];
    let twin = json!({"name": name, "discovered_date": 0});
    let created: Value = other.rest().await?.post("/incidents", &twin).await?;
    Ok(Reply::completed(format!("mirrored as {}", created["name"])))
}

async fn here() -> Sandbox {
    let rule = Rule::menu_item("Mirror").on_incident().to("mirror");
    Sandbox::builder().rule(rule).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_platform_is_asked_in_its_own_name() {
    let (here, there) = (here().await, Sandbox::builder().start().await.unwrap());
    let other = there.app_config().replace("[resilient]", "[other]");
    let config = Config::from_text(&format!("{}{other}mirror_all=yes\n", here.app_config())).unwrap();
    let runner = Runner::with_components(config, &[&MIRROR], |_| {}).await.unwrap();
    assert!(there.requests().is_empty(), "nobody logs in before there is something to do");
    let mut running = Running::of(runner);
    running.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    for name in ["one", "two"] {
        let incident = here.create_incident(json!({"name": name, "discovered_date": 0})).unwrap();
        let id = here.fire("Mirror", incident, json!({})).unwrap();
        let invocation = here.settled(id).await;
        assert_eq!(invocation.status, Status::Completed, "{}", invocation.text());
        assert!(invocation.text().contains(name));
    }
    let asked = there.requests();
    let created: Vec<_> = asked.iter().filter(|request| request.path.ends_with("/incidents")).collect();
    assert_eq!(created.len(), 2);
    let token = |request: &circuits_sandbox::Request| request.header("X-Co3ContextToken").is_some();
    assert!(!asked.iter().any(token), "the token of an action is for the platform that sent it");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_section_lacks_is_named() {
    let here = here().await;
    for (section, part) in [
        ("", "[other] "),
        ("[other]\nhost=h\nport=many\napi_key_id=i\napi_key_secret=s\n", "[other] port"),
        ("[other]\nhost=h\n", "api_key_id and api_key_secret"),
    ] {
        let config = Config::from_text(&format!("{}{section}", here.app_config())).unwrap();
        let error = Runner::with_components(config, &[&MIRROR], |_| {}).await.unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("`mirror`"), "{part:?} is not in {error}");
    }
}
