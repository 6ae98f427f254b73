//! Work that takes long: on a thread, in the background, and beyond its time limit.

use std::sync::Arc;
use std::sync::mpsc;

use circuits::config::Config;
use circuits::prelude::*;
use circuits_sandbox::{Rule, Sandbox, Status};
use circuits_tests::world::{Running, run};
use serde_json::json;
use tokio::sync::Notify;

static WORKER: Registration = Registration::new("worker", component);
/// Lets the scan end.
static SCANNED: Notify = Notify::const_new();
/// The thread has noticed that its run is over.
static NOTICED: Notify = Notify::const_new();

fn component(_: &Setup) -> Result<Component> {
    Ok(Component::builder("worker", ())
        .on("Scan", background(scan))
        .on("Quick", quick)
        .on("Grind", grind)
        .on("Add up", add_up)
        .build())
}

async fn scan(action: Action) -> Result<Reply> {
    action.status("Scan started");
    SCANNED.notified().await;
    Ok(Reply::completed("Scan found nothing"))
}

async fn quick(_: Action) -> Result<Reply> {
    Ok(Reply::completed("quick"))
}

/// A thread that stops only when it learns that nobody waits for it.
async fn grind(action: Action) -> Result<Reply> {
    action.status("grinding");
    let (_never, nothing) = mpsc::channel::<()>();
    circuits::blocking(move || {
        while !action.is_cancelled() {
            let _ = nothing.recv_timeout(std::time::Duration::from_millis(5));
        }
        NOTICED.notify_one();
        Ok(Reply::completed("nobody reads this"))
    })
    .await
}

async fn add_up(action: Action) -> Result<Reply> {
    let action = Arc::new(action);
    let sum = circuits::blocking(move || Ok((1..=action.incident_id()?).sum::<i64>())).await?;
    Ok(Reply::completed(format!("{}", sum > 0)))
}

async fn start(settings: &str) -> (Sandbox, i64, Running) {
    let builder =
        ["Scan", "Quick", "Grind", "Add up"].into_iter().fold(Sandbox::builder(), |builder, rule| {
            builder.rule(Rule::menu_item(rule).on_incident().to("worker"))
        });
    let sandbox = builder.start().await.unwrap();
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    let config = Config::from_text(&format!("{}{settings}", sandbox.app_config())).unwrap();
    (sandbox, incident, run(config, &[&WORKER]).await)
}

/// One worker and a handler_timeout: background work does not occupy the worker, and the timeout does not apply to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_final_reply_comes_when_the_work_really_ends() {
    let (sandbox, incident, running) = start("num_workers=1\nhandler_timeout=1\n").await;
    let scan = sandbox.fire("Scan", incident, json!({})).unwrap();
    sandbox.until(scan, |invocation| invocation.text() == "Scan started").await;
    // This takes longer than the scan could run if it were not background work.
    let grind = sandbox.fire("Grind", incident, json!({})).unwrap();
    assert!(sandbox.settled(grind).await.text().contains("did not finish within 1 s"));
    let quick = sandbox.fire("Quick", incident, json!({})).unwrap();
    assert_eq!(sandbox.settled(quick).await.text(), "quick");
    assert_eq!(sandbox.invocation(scan).unwrap().status, Status::Pending);
    SCANNED.notify_one();
    assert_eq!(sandbox.settled(scan).await.text(), "Scan started\nScan found nothing");
    running.stop().await.unwrap();
}

/// A thread cannot be stopped from outside, so it gets a notice.
#[tokio::test(flavor = "multi_thread")]
async fn blocking_work_learns_that_its_run_is_over() {
    let (sandbox, incident, running) = start("shutdown_timeout=1\n").await;
    let sum = sandbox.fire("Add up", incident, json!({})).unwrap();
    assert_eq!(sandbox.settled(sum).await.text(), "true");
    let grind = sandbox.fire("Grind", incident, json!({})).unwrap();
    sandbox.until(grind, |invocation| invocation.text() == "grinding").await;
    running.stop().await.unwrap();
    NOTICED.notified().await;
    assert_eq!(sandbox.invocation(grind).unwrap().status, Status::Pending, "it stays with the broker");
}
