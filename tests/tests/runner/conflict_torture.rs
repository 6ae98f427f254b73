//! 50 handlers and 50 outside writers change one incident at the same time: every change is in it exactly once, no handler or
//! writer fails because of a conflict, and the rule that watches the incident fires only for the writers' changes.
//!
//! `TORTURE_SECONDS=60 cargo test -p circuits-tests --test runner conflict_torture -- --nocapture` runs for a minute.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use circuits::Runner;
use circuits::config::Config;
use circuits::prelude::*;
use circuits_rest::{Patch, Resolve, Rest};
use circuits_sandbox::{Rule, Sandbox, Status};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

const HANDLERS: usize = 50;
const WRITERS: usize = 50;
/// Changes by each handler and writer in the short form.
const ROUNDS: u64 = 4;
/// The incident that all change; the sandbox has it from the start.
const TARGET: i64 = 2095;
/// The first of the incidents whose messages start the handlers, one each: messages of one incident are handled one by one.
const FIRST: i64 = 2096;
const DESTINATION: &str = "torture";
const RULE: &str = "Reporter changed";
/// How many of the newest changes are listed by name; enough for the short form to list all.
const LISTED: usize = 1_000;

/// The fields that each change touches: the list, the number of changes by each, the number by all, and who made the last.
const FIELDS: [&str; 4] = ["description", "properties.custom1", "properties.custom2", "reporter"];

static TORTURE: Registration = Registration::new("torture", component);
static SCENE: OnceLock<Arc<Scene>> = OnceLock::new();

/// The state that handlers and writers share with the test.
struct Scene {
    /// By handler: reports to the test that its change is made.
    changed: Vec<mpsc::UnboundedSender<Result<(), String>>>,
    /// How many changes each one has made, handlers first.
    made: Vec<AtomicU64>,
    /// How often a change was put together, including the first time.
    tries: AtomicU64,
    /// The most tries that one change took.
    most: AtomicU64,
    /// How many messages about the target came.
    fired: watch::Sender<u64>,
}

impl Scene {
    /// Makes the next change of `who`: every other handler or writer uses `update`, the others a patch.
    async fn change(&self, rest: &Rest, who: usize) -> Result<(), String> {
        let (path, number) = (format!("/incidents/{TARGET}"), self.made[who].load(Relaxed) + 1);
        let mut tries = 0;
        let result = if who.is_multiple_of(2) {
            let apply = |incident: &mut Value| {
                tries += 1;
                for field in FIELDS {
                    let pointer = format!("/{}", field.replace('.', "/"));
                    let place = incident.pointer_mut(&pointer).unwrap();
                    *place = changed(field, place, who, number);
                }
            };
            rest.update(&path, apply).await.map(drop)
        } else {
            let incident: Value = rest.get(&path).await.map_err(|error| error.to_string())?;
            let mut patch = Patch::new(&incident);
            for field in FIELDS {
                let old = incident.pointer(&format!("/{}", field.replace('.', "/"))).unwrap();
                patch.set(field, changed(field, old, who, number)).unwrap();
            }
            tries = 1;
            let again = |status: &circuits_rest::PatchStatus, patch: &mut Patch| {
                tries += 1;
                for conflict in &status.field_failures {
                    let now = &conflict.actual_current_value;
                    patch.set_from(&conflict.field, now.clone(), changed(&conflict.field, now, who, number));
                }
                Resolve::Again
            };
            rest.patch_with(&path, patch, again).await.map(drop)
        };
        self.tries.fetch_add(tries, Relaxed);
        self.most.fetch_max(tries, Relaxed);
        self.made[who].store(number, Relaxed);
        result.map_err(|error| format!("change {number} of {}: {error}", name(who)))
    }

    /// Changes made by all of `whose`.
    fn sum(&self, whose: std::ops::Range<usize>) -> u64 {
        self.made[whose].iter().map(|made| made.load(Relaxed)).sum()
    }
}

fn name(who: usize) -> String {
    if who < HANDLERS { format!("h{who:02}") } else { format!("w{:02}", who - HANDLERS) }
}

/// The value of `field` after change `number` of `who`. If `who` finds a different count than it left, a change was lost or
/// made twice.
fn changed(field: &str, old: &Value, who: usize, number: u64) -> Value {
    let text = old.as_str().unwrap_or_default();
    let id = format!("{}#{number}", name(who));
    match field {
        "description" => {
            let mut list: Vec<&str> = text.split_whitespace().collect();
            list.push(&id);
            list[list.len().saturating_sub(LISTED)..].join(" ").into()
        }
        "properties.custom1" => {
            let mut counts: Vec<u64> = serde_json::from_str(text).unwrap();
            assert_eq!(counts[who] + 1, number, "{} finds its own count changed", name(who));
            counts[who] = number;
            json!(counts).to_string().into()
        }
        "properties.custom2" => (text.parse::<u64>().unwrap() + 1).to_string().into(),
        _ => id.into(),
    }
}

fn component(_: &Setup) -> Result<Component> {
    let scene = Arc::clone(SCENE.get().expect("the test sets the scene first"));
    Ok(Component::builder(DESTINATION, Handlers(scene)).on(RULE, Handlers::reporter_changed).build())
}

struct Handlers(Arc<Scene>);

impl Handlers {
    async fn reporter_changed(self: Arc<Self>, action: Action) -> Result<Reply> {
        let incident = action.incident_id()?;
        if incident == TARGET {
            self.0.fired.send_modify(|fired| *fired += 1);
            return Ok(Reply::completed("seen"));
        }
        let who = usize::try_from(incident - FIRST)?;
        let outcome = self.0.change(action.rest(), who).await;
        self.0.changed[who].send(outcome)?;
        Ok(Reply::completed("changed"))
    }
}

/// When to stop: after this many changes each, or at this time.
#[derive(Clone, Copy)]
enum Extent {
    Rounds(u64),
    Until(Instant),
}

impl Extent {
    fn more(self, made: u64) -> bool {
        match self {
            Self::Rounds(rounds) => made < rounds,
            Self::Until(end) => Instant::now() < end,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_made_once_and_only_outside_changes_fire_the_rule() {
    let seconds =
        std::env::var("TORTURE_SECONDS").ok().map(|text| text.parse().expect("TORTURE_SECONDS is a number"));
    let mut builder = Sandbox::builder()
        .rule(Rule::automatic(RULE).on_incident().when_changed("incident.reporter").to(DESTINATION));
    for n in 0..HANDLERS {
        builder = builder.incident(&format!("Starts handler {n}"));
    }
    let sandbox = Arc::new(builder.start().await.unwrap());
    let counts = json!(vec![0; HANDLERS + WRITERS]).to_string();
    sandbox
        .edit_incident(TARGET, json!({"description": "", "properties": {"custom1": counts, "custom2": "0"}}))
        .unwrap();

    let (changed, mut done): (Vec<_>, Vec<_>) = (0..HANDLERS).map(|_| mpsc::unbounded_channel()).unzip();
    let scene = Arc::new(Scene {
        changed,
        made: (0..HANDLERS + WRITERS).map(|_| AtomicU64::new(0)).collect(),
        tries: AtomicU64::new(0),
        most: AtomicU64::new(0),
        fired: watch::Sender::new(0),
    });
    assert!(SCENE.set(Arc::clone(&scene)).is_ok());
    let config =
        Config::from_text(&format!("{}num_workers={}\n", sandbox.app_config(), HANDLERS + 1)).unwrap();
    // Each writer has its own session: with a shared one they would wait for each other.
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        writers.push(circuits::login(&config, |_| {}).await.unwrap());
    }
    let runner = Runner::with_components(config, &[&TORTURE], |_| {}).await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let runner = tokio::spawn(runner.run(async move {
        let _ = stopped.await;
    }));

    let begun = Instant::now();
    let extent =
        seconds.map_or(Extent::Rounds(ROUNDS), |seconds| Extent::Until(begun + Duration::from_secs(seconds)));
    let mut all = JoinSet::new();
    for (who, mut done) in done.drain(..).enumerate() {
        let sandbox = Arc::clone(&sandbox);
        all.spawn(async move {
            let mut made = 0;
            while extent.more(made) {
                made += 1;
                sandbox.edit_incident(FIRST + who as i64, json!({"reporter": format!("go {made}")})).unwrap();
                done.recv().await.unwrap()?;
            }
            Ok::<_, String>(())
        });
    }
    for (n, rest) in writers.into_iter().enumerate() {
        let scene = Arc::clone(&scene);
        all.spawn(async move {
            let mut made = 0;
            while extent.more(made) {
                made += 1;
                scene.change(&rest, HANDLERS + n).await?;
            }
            Ok(())
        });
    }
    let failed: Vec<String> = all.join_all().await.into_iter().filter_map(Result::err).collect();
    let took = begun.elapsed();
    let (by_handlers, by_writers) = (scene.sum(0..HANDLERS), scene.sum(HANDLERS..HANDLERS + WRITERS));
    let tries = scene.tries.load(Relaxed);
    println!(
        "{by_handlers} changes by {HANDLERS} handlers and {by_writers} by {WRITERS} writers in {took:.1?}; {} failed; {} conflicts, each \
         tried again, {} times at most for one change",
        failed.len(),
        tries - by_handlers - by_writers,
        scene.most.load(Relaxed) - 1,
    );
    assert!(failed.is_empty(), "{} changes failed, such as {}", failed.len(), failed[0]);

    // Every message has been handled: nothing more can come.
    scene.fired.subscribe().wait_for(|fired| *fired >= by_writers).await.unwrap();
    stop.send(()).unwrap();
    runner.await.unwrap().unwrap();

    let incident = sandbox.incident(TARGET);
    let properties = &incident["properties"];
    let made: Vec<u64> = scene.made.iter().map(|made| made.load(Relaxed)).collect();
    assert_eq!(properties["custom1"], json!(made).to_string(), "each has as many changes in it as he made");
    assert_eq!(properties["custom2"], (by_handlers + by_writers).to_string(), "and so have all together");
    let listed: Vec<&str> = incident["description"].as_str().unwrap().split_whitespace().collect();
    assert_eq!(listed.len() as u64, (by_handlers + by_writers).min(LISTED as u64));
    let different: HashSet<_> = listed.iter().collect();
    assert_eq!(different.len(), listed.len(), "no change is listed twice");

    let invocations = sandbox.invocations();
    let (target, others): (Vec<_>, Vec<_>) =
        invocations.iter().partition(|invocation| invocation.incident == TARGET);
    println!(
        "{} rule firings for the writers' changes, {} that started handlers",
        target.len(),
        others.len()
    );
    assert_eq!(
        target.len() as u64,
        by_writers,
        "the rule fires for each change of a writer and for none of a handler"
    );
    assert_eq!(others.len() as u64, by_handlers, "each handler runs once for each start");
    for invocation in &invocations {
        assert_eq!(
            (invocation.status, invocation.final_replies),
            (Status::Completed, 1),
            "{}",
            invocation.text()
        );
    }
}
