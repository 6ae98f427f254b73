//! Two threat services whose handlers do what a test asks for.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use circuits::config::Config;
use circuits::{Error, Result};
use circuits_sandbox::ThreatSource;
use circuits_tests::eventful::Eventful;
use circuits_threat::{Artifact, Hit, Lookup, Searcher, ThreatService};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use circuits_http as _;

circuits::register! { ThreatService::new("desk", open).about("what the test says").files() }
circuits::register! { ThreatService::new("addresses", addresses).artifacts(&["net.ip"]).about("addresses alone") }

/// The handlers at work so far, by the values of their artifacts.
fn runs() -> &'static watch::Sender<HashMap<String, usize>> {
    static RUNS: std::sync::OnceLock<watch::Sender<HashMap<String, usize>>> = std::sync::OnceLock::new();
    RUNS.get_or_init(|| watch::Sender::new(HashMap::new()))
}

/// How often a handler was asked about this value.
pub(crate) fn asked(value: &str) -> usize {
    runs().borrow().get(value).copied().unwrap_or_default()
}

/// Waits until a handler was asked about this value so often.
pub(crate) async fn until_asked(value: &str, times: usize) {
    let mut runs = runs().subscribe();
    runs.wait_for(|runs| runs.get(value).is_some_and(|count| *count >= times)).await.unwrap();
}

/// Each permit lets a handler of a value that begins with `gate` go on.
pub(crate) static GATE: Semaphore = Semaphore::const_new(0);

/// Whether handlers of the value `blocks` may go on.
static MAY_GO: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Lets handlers go on that block their thread.
pub(crate) fn unblock() {
    *MAY_GO.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    MAY_GO.1.notify_all();
}

struct Desk {
    list: String,
}

#[derive(serde::Deserialize)]
#[serde(default)]
struct Settings {
    list: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { list: "default".to_owned() }
    }
}

fn open(config: &Config) -> Result<Searcher> {
    let Settings { list } = config.section_or_empty("desk").settings()?;
    Ok(Searcher::builder(Desk { list }).on_any(Desk::look_up).build())
}

fn addresses(_: &Config) -> Result<Searcher> {
    Ok(Searcher::builder(()).on("net.ip", address).build())
}

async fn address(artifact: Artifact) -> Result<Lookup> {
    Ok(Hit::new().string("Address", artifact.value()).into())
}

impl Desk {
    async fn look_up(self: Arc<Self>, artifact: Artifact) -> Result<Lookup> {
        let value = artifact.value().to_owned();
        let mut run = 0;
        runs().send_modify(|runs| {
            let count = runs.entry(value.clone()).or_default();
            *count += 1;
            run = *count;
        });
        let hit = Hit::new().string("List", &self.list).number("Run", run as f64);
        let hit = hit.with(artifact.file(), |hit, file| {
            hit.string("File", file.name()).number("Size", file.bytes().len() as f64)
        });
        match value.as_str() {
            value if value.starts_with("gate") => GATE.acquire().await?.forget(),
            value if value.starts_with("hangs") => std::future::pending().await,
            "fails" => return Err(Error::new("the feed is down")),
            "panics" => panic!("index out of range"),
            "blocks" => {
                let mut may_go = MAY_GO.0.lock().unwrap_or_else(PoisonError::into_inner);
                while !*may_go {
                    may_go = MAY_GO.1.wait(may_go).unwrap_or_else(PoisonError::into_inner);
                }
            }
            "twice" if run < 3 => return Ok(Lookup::not_yet().so_far([hit])),
            "clean" => return Ok(Lookup::none()),
            _ => {}
        }
        Ok(hit.into())
    }
}

/// A service as the platform knows it. It asks again at once.
pub(crate) fn source(it: &Eventful, service: &str) -> ThreatSource {
    let url = format!("http://127.0.0.1:{}/cts/{service}", it.port);
    ThreatSource::new(service, &url).longest_pause(Duration::ZERO)
}

/// A new artifact of the sandbox's incident.
pub(crate) fn artifact(it: &Eventful, kind: &str, value: &str) -> i64 {
    it.world.sandbox.create_artifact(2095, json!({"type": kind, "value": value})).unwrap()
}
