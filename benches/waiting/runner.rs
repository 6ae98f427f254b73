//! The measured process: a runner whose only handler waits, with its app.config on standard input. It prints its
//! resident memory in KiB once it is subscribed, and again when all actions wait.

use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use circuits::config::Config;
use circuits::prelude::*;
use circuits::{Runner, Signal};
use tokio::sync::Notify;

static REGISTRATION: Registration = Registration::new("waiting", component);
static STARTED: AtomicU32 = AtomicU32::new(0);
static WANTED: AtomicU32 = AtomicU32::new(0);
static ALL: Notify = Notify::const_new();

pub(crate) async fn run(actions: u32) {
    WANTED.store(actions, Ordering::SeqCst);
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let config = Config::from_text(&text).unwrap();
    let runner = Runner::with_components(config, &[&REGISTRATION], |_| {}).await.unwrap();
    let mut signals = runner.signals();
    tokio::spawn(runner.run(std::future::pending()));
    while !matches!(signals.recv().await.unwrap(), Signal::DestinationSubscribed(_)) {}
    drop(signals);
    println!("{}", resident());
    ALL.notified().await;
    println!("{}", resident());
    std::future::pending().await
}

fn component(_: &Setup) -> Result<Component> {
    let key = |action: &Action| {
        if STARTED.fetch_add(1, Ordering::SeqCst) + 1 == WANTED.load(Ordering::SeqCst) {
            ALL.notify_one();
        }
        action.incident_id().unwrap().to_string()
    };
    let hour = Duration::from_secs(3600);
    Ok(Component::builder("waiting", ()).on("Wait", debounce(hour, nothing).key(key)).build())
}

async fn nothing(_: Action) -> Result<Reply> {
    Ok(Reply::completed(""))
}

/// VmRSS of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}
