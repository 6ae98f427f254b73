//! The requirements of components: checked at start and at a reload, all in one report.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use circuits::config::Config;
use circuits::prelude::*;
use circuits::{Failure, Runner};
use circuits_sandbox::Sandbox;
use circuits_tests::world::Running;
use serde_json::Value;
use tokio::sync::Notify;

static DEMANDING: Registration = Registration::new("demanding", demanding)
    .config("[demanding]\nserver=mail.example.com\n#port=25\n")
    .requires(&["server", "user"]);
static PLAIN: Registration = Registration::new("plain", plain);
static BROKEN: Registration = Registration::new("broken", |_| Err(Error::new("no table")));
static CLOCK: Registration = Registration::new("clock", clock).config("[clock]\nname=\n");

async fn nothing(_: Action) -> Result<Reply> {
    Ok("".into())
}

fn demanding(_: &Setup) -> Result<Component> {
    Ok(Component::builder("demanding", ()).on_any(nothing).build())
}

fn plain(_: &Setup) -> Result<Component> {
    Ok(Component::builder("plain", ())
        .requires_field("severity_code", "text")
        .requires_field("name", "text")
        .requires_field("nowhere", "datetimepicker")
        .requires_action_field("no_such_field", None)
        .on_any(nothing)
        .build())
}

async fn faults(section: &str, linked: &[&'static Registration]) -> String {
    let sandbox = Sandbox::builder().destination("demanding").destination("plain").start().await.unwrap();
    let config = Config::from_text(&format!("{}{section}", sandbox.app_config())).unwrap();
    let error = Runner::with_components(config, linked, |_| {}).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Components);
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_missing_is_told_at_once() {
    let text = faults("[demanding]\nserver=mail.example.com\n", &[&DEMANDING, &PLAIN, &BROKEN]).await;
    for part in [
        "6 faults:",
        "'server' is mandatory and still has its placeholder value of 'mail.example.com' (required by 'demanding')",
        "'user' is mandatory and is not set (required by 'demanding'). Set it in [demanding]",
        "Failed to load the component `broken`",
        "no table",
        "Field 'severity_code' (required by 'plain') must be type 'text'. It is 'select'",
        "Field 'nowhere' (required by 'plain') is not defined in this Resilient platform. Create it there, with the type 'datetimepicker'",
        "Action field 'no_such_field' (required by 'plain') is not defined",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_fault_is_told_plainly() {
    let text = faults("[demanding]\nserver=mx\n", &[&DEMANDING]).await;
    assert_eq!(
        text,
        "'user' is mandatory and is not set (required by 'demanding'). Set it in [demanding] of app.config"
    );
}

static TICKS: AtomicUsize = AtomicUsize::new(0);
static NEW_NAME: Notify = Notify::const_new();

/// A component whose periodic work counts under its first name, fails and panics in between, and reports its second name.
fn clock(setup: &Setup) -> Result<Component> {
    #[derive(serde::Deserialize)]
    struct Settings {
        name: String,
    }
    let Settings { name } = setup.settings()?;
    let rest = setup.rest().clone();
    Ok(Component::builder("plain", (name, rest))
        .every(Duration::from_millis(5), tick)
        .on_any(nothing)
        .build())
}

async fn tick(state: Arc<(String, circuits::Rest)>) -> Result<()> {
    let (name, rest) = &*state;
    if name == "second" {
        NEW_NAME.notify_one();
        return Ok(());
    }
    let _: Value = rest.get("/message_destinations").await?;
    match TICKS.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Error::new("not this time")),
        1 => panic!("not this time either"),
        2 => {
            NEW_NAME.notify_one();
            Ok(())
        }
        _ => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn timed_work_goes_on_after_a_fault_and_follows_its_section() {
    let sandbox = Sandbox::builder().destination("plain").start().await.unwrap();
    let config =
        |name: &str| Config::from_text(&format!("{}[clock]\nname={name}\n", sandbox.app_config())).unwrap();
    let runner = Runner::with_components(config("first"), &[&CLOCK], |_| {}).await.unwrap();
    let reloader = runner.reloader();
    let running = Running::of(runner);
    NEW_NAME.notified().await;
    let done = reloader.reload(config("second")).await.unwrap();
    assert_eq!((done.applied, done.needs_restart), (vec!["[clock] name".to_owned()], Vec::new()));
    NEW_NAME.notified().await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_checks_what_a_start_checks() {
    let sandbox = Sandbox::builder().destination("demanding").start().await.unwrap();
    let config = |section: &str| Config::from_text(&format!("{}{section}", sandbox.app_config())).unwrap();
    let good = config("[demanding]\nserver=mx\nuser=u\n");
    let runner = Runner::with_components(good, &[&DEMANDING], |_| {}).await.unwrap();
    let reloader = runner.reloader();
    let error = reloader.reload(config("[demanding]\nserver=mx\n")).await.unwrap_err();
    assert!(error.to_string().contains("'user' is mandatory"), "{error}");
    // A change that needs a restart is reported until there was one.
    for user in ["u", "v"] {
        let text = format!("[demanding]\nserver=mx\nuser={user}\nqueue=other\n");
        let moved = reloader.reload(config(&text)).await.unwrap();
        assert_eq!(moved.needs_restart, ["[demanding] queue"]);
    }
    assert_eq!(runner.destinations(), ["actions.201.demanding"]);
}
