//! Listeners in Rust: they hear of what happens, and nothing that they do reaches a reply.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Mutex;
use std::time::Duration;

use circuits::config::Config;
use circuits::signal::{ActionCompleted, ActionFailed, ActionReceived};
use circuits::{Runner, Signal, listeners};
use circuits_sandbox::Status;
use circuits_tests::probe::{PROBE, Probe};
use circuits_tests::world::{On, Running, World};
use tokio::sync::watch;

circuits::listener! { "audit", ActionCompleted => audit }
circuits::listener! { "broken", ActionCompleted => broken }
circuits::listener! { "slow", ActionFailed => slow }
circuits::listener! { "received", ActionReceived => received }

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static RECEIVED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Lets the slow listener go on.
fn gate() -> &'static watch::Sender<bool> {
    static GATE: std::sync::OnceLock<watch::Sender<bool>> = std::sync::OnceLock::new();
    GATE.get_or_init(|| watch::Sender::new(false))
}

async fn audit(done: ActionCompleted) {
    let about = &done.about;
    let line = format!("{} {} {}", about.message.id, about.queue, about.action.name.as_deref().unwrap());
    LINES.lock().unwrap().push(line);
}

async fn broken(_: ActionCompleted) {
    panic!("a listener's fault");
}

async fn slow(_: ActionFailed) {
    gate().subscribe().wait_for(|open| *open).await.unwrap();
}

async fn received(signal: ActionReceived) {
    RECEIVED.lock().unwrap().push(signal.about.message.id);
}

async fn runner(config: Config) -> (Running, circuits::Health) {
    let runner = Runner::with_components(config, &[&PROBE], |_| {}).await.unwrap();
    let health = runner.health();
    let mut running = Running::of(runner);
    running.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    (running, health)
}

async fn counts(health: &circuits::Health, name: &str) -> u64 {
    health.report().counters.get(name).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_3_a_listener_writes_one_line_for_one_action() {
    let world = World::start(On::Sandbox).await;
    let (running, _) = runner(world.config(&Probe::new("ot 3"), "noload=broken,slow,received")).await;
    LINES.lock().unwrap().clear();
    let id = world.fire("Tell", world.incident()).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);
    // What it has not heard yet it hears before the end.
    running.stop().await.unwrap();
    let lines = LINES.lock().unwrap().clone();
    assert!(
        lines.len() == 1 && lines[0].ends_with(" probe Tell") && lines[0].starts_with("ID:"),
        "{lines:?}"
    );
    let names: Vec<_> = listeners().iter().map(|one| (one.name(), one.kind().name())).collect();
    assert_eq!(
        names,
        [
            ("audit", "action_completed"),
            ("broken", "action_completed"),
            ("received", "action_received"),
            ("slow", "action_failed")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_4_a_listener_that_panics_is_counted_and_fails_nobody() {
    let world = World::start(On::Sandbox).await;
    let (running, health) = runner(world.config(&Probe::new("ot 4"), "noload=slow,received")).await;
    let before = LINES.lock().unwrap().len();
    let id = world.fire("Tell", world.incident()).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);
    running.stop().await.unwrap();
    assert_eq!(counts(&health, "listener_errors").await, 1);
    assert!(LINES.lock().unwrap().len() > before, "the other one runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_5_a_listener_that_stands_still_loses_signals_and_holds_up_no_reply() {
    let world = World::start(On::Sandbox).await;
    let (running, health) = runner(world.config(&Probe::new("ot 5"), "noload=audit,broken,received")).await;
    gate().send_replace(false);
    let mut ids = Vec::new();
    for _ in 0..600 {
        ids.push(world.fire("Fail", world.incident()).await);
    }
    // Every reply is there while the listener still stands at the first signal.
    for id in ids {
        assert_eq!(world.settled(id).await.status, Status::Error);
    }
    gate().send_replace(true);
    running.stop().await.unwrap();
    assert!(counts(&health, "signals_dropped").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_6_without_a_journal_a_listener_still_hears_of_messages() {
    let world = World::start(On::Sandbox).await;
    let (running, _) =
        runner(world.config(&Probe::new("ot 6"), "journal=off\nnoload=audit,broken,slow")).await;
    RECEIVED.lock().unwrap().clear();
    let id = world.fire("Tell", world.incident()).await;
    world.settled(id).await;
    tokio::time::timeout(Duration::from_secs(60), running.stop()).await.unwrap().unwrap();
    assert_eq!(RECEIVED.lock().unwrap().len(), 1);
}
