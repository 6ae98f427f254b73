//! Extensions beside a runner: they see what happens, and whatever they do, actions are answered.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Mutex;

use circuits::extension::{Context, Extension, ExtensionFuture, Extensions, Opened};
use circuits::signal::ActionCompleted;
use circuits::{Runner, Signal};
use circuits_sandbox::Status;
use circuits_tests::probe::{PROBE, Probe};
use circuits_tests::world::{On, Running, World};
use tokio::sync::Notify;

circuits::register! { Extension::new("watcher", |_| Box::pin(async { Ok(Some(Box::new(Watcher) as _)) })) }
circuits::register! { Extension::new("broken", |_| Box::pin(async { Ok(Some(Box::new(Broken) as _)) })) }
circuits::register! { Extension::new("deaf", |_| Box::pin(async { Ok(Some(Box::new(Deaf) as _)) })) }

/// What the watcher has seen.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
static ENDED: Notify = Notify::const_new();

struct Watcher;

impl Opened for Watcher {
    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let mut signals = context.signals();
            let watch = async {
                while let Ok(signal) = signals.recv().await {
                    if let Signal::ActionCompleted(ActionCompleted { result, .. }) = signal {
                        SEEN.lock().unwrap().push(result.message);
                    }
                }
            };
            tokio::select! {
                () = watch => {}
                () = context.stopped() => {}
            }
            ENDED.notify_one();
        })
    }
}

struct Broken;

impl Opened for Broken {
    fn run(self: Box<Self>, _: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async { panic!("an extension's fault") })
    }
}

/// Takes a message of its own to the runner, and reads no signal that it asked for.
struct Deaf;

impl Opened for Deaf {
    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let _unread = context.signals();
            let body = r#"{"incident": {"id": 7}}"#;
            let reply = context.submitter().submit("probe", body).next().await.unwrap();
            SEEN.lock().unwrap().push(format!("told: {}", reply.is_error()));
            context.stopped().await;
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_see_what_happens_and_hold_nothing_up() {
    let world = World::start(On::Sandbox).await;
    let probe = Probe::new("extensions");
    let config = world.config(&probe, "");
    let extensions = Extensions::open(&config).await.unwrap();
    let runner = Runner::with_components(config, &[&PROBE], |_| {}).await.unwrap();
    let attached = extensions.start(runner.context());
    let running = Running::of(runner);
    // More than the bus keeps for one who does not read.
    let mut ids = Vec::new();
    for _ in 0..600 {
        ids.push(world.fire("Tell", world.incident()).await);
    }
    for id in ids {
        assert_eq!(world.settled(id).await.status, Status::Completed);
    }
    running.stop().await.unwrap();
    attached.stop().await;
    ENDED.notified().await;
    let seen = SEEN.lock().unwrap();
    assert_eq!(seen.iter().filter(|text| *text == "told: true").count(), 1, "no rule is named: {seen:?}");
    assert!(seen.iter().filter(|text| *text == "told").count() > 0);
}

#[tokio::test]
async fn one_that_noload_names_is_not_opened() {
    let world = World::start(On::Sandbox).await;
    let config = world.config(&Probe::new("left out"), "noload=broken,watcher");
    let opened = format!("{:?}", Extensions::open(&config).await.unwrap());
    assert!(opened.contains("deaf") && !opened.contains("broken") && !opened.contains("watcher"), "{opened}");
}
