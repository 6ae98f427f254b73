//! Lookups with a clock that the tests move: equal ones, many, slow, unfinished, failing and forgotten ones.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use circuits::Error;
use tokio::task::JoinHandle;

use super::*;
use crate::Searcher;
use crate::service::tests::service;

const TTL: Duration = Duration::from_secs(600);

/// A handler that does what the artifact's value says.
#[derive(Default)]
struct Desk {
    calls: AtomicUsize,
    at_work: AtomicUsize,
    most: AtomicUsize,
    gate: Option<Semaphore>,
}

impl Desk {
    async fn look_up(self: Arc<Self>, artifact: Artifact) -> Result<Lookup> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let at_work = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(at_work, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.acquire().await?.forget();
        }
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        match artifact.value() {
            "fails" => Err(Error::new("the feed is down")),
            "panics" => panic!("index out of range"),
            "hangs" => std::future::pending().await,
            "not yet" => Ok(Lookup::not_yet().so_far([hit(&call.to_string())])),
            "fails later" if call > 1 => Err(Error::new("the feed is down")),
            "fails later" => Ok(Lookup::not_yet().so_far([hit("1")])),
            "at last" if call < 3 => Ok(Lookup::not_yet()),
            value => Ok(hit(value).into()),
        }
    }
}

fn hit(text: &str) -> Hit {
    Hit::new().string("Text", text)
}

fn found(texts: &[&str]) -> Answer {
    Answer::Complete(texts.iter().map(|text| hit(text)).collect())
}

fn pending(texts: &[&str]) -> Answer {
    Answer::Pending(texts.iter().map(|text| hit(text)).collect())
}

/// An engine at work.
struct Bench {
    engine: Arc<Engine>,
    desk: Arc<Desk>,
    counts: Arc<Mutex<BTreeMap<&'static str, u32>>>,
    work: JoinHandle<()>,
}

fn limits() -> Limits {
    Limits {
        patience: Duration::from_millis(500),
        timeout: Duration::from_secs(120),
        at_a_time: 25,
        polls: 3,
        size: 100,
        ttl: TTL,
    }
}

impl Bench {
    /// Handlers that end at once.
    fn quick(limits: Limits) -> Self {
        Self::with(limits, Desk::default())
    }

    /// Handlers that end one by one, when the test lets them.
    fn gated(limits: Limits) -> Self {
        Self::with(limits, Desk { gate: Some(Semaphore::new(0)), ..Desk::default() })
    }

    fn with(limits: Limits, desk: Desk) -> Self {
        let desk = Arc::new(desk);
        let state = Arc::clone(&desk);
        let searcher =
            Searcher::builder(()).on_any(move |artifact| Arc::clone(&state).look_up(artifact)).build();
        let counts: Arc<Mutex<BTreeMap<&'static str, u32>>> = Arc::default();
        let counted = Arc::clone(&counts);
        let count = Box::new(move |name| *counted.lock().unwrap().entry(name).or_default() += 1);
        let (engine, jobs) = Engine::new(vec![service("desk", searcher)], limits, count);
        let work = tokio::spawn(Arc::clone(&engine).run(jobs));
        Self { engine, desk, counts, work }
    }

    async fn scan(&self, value: &str) -> Answer {
        self.engine.scan(0, id(value), Artifact::new("net.ip", value)).await
    }

    async fn poll(&self, value: &str) -> Answer {
        self.engine.poll(0, id(value)).await
    }

    fn open(&self, places: usize) {
        self.desk.gate.as_ref().unwrap().add_permits(places);
    }

    fn calls(&self) -> usize {
        self.desk.calls.load(Ordering::SeqCst)
    }

    fn count(&self, name: &str) -> u32 {
        self.counts.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

fn id(value: &str) -> Uuid {
    crate::id::request_id(&Artifact::new("net.ip", value))
}

#[tokio::test(start_paused = true)]
async fn a_result_that_comes_at_once_is_the_answer_and_is_kept_for_its_time() {
    let bench = Bench::quick(limits());
    assert_eq!(bench.scan("a").await, found(&["a"]));
    tokio::time::advance(TTL - Duration::from_secs(1)).await;
    assert_eq!(bench.scan("a").await, found(&["a"]));
    assert_eq!(bench.poll("a").await, found(&["a"]));
    assert_eq!((bench.calls(), bench.count("threat_lookups")), (1, 1), "nobody was asked");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(bench.poll("a").await, found(&[]), "its id is forgotten");
    assert_eq!(bench.scan("a").await, found(&["a"]));
    assert_eq!(bench.calls(), 2);
    assert_eq!(bench.poll("never asked").await, found(&[]));
}

#[tokio::test(start_paused = true)]
async fn equal_requests_at_the_same_time_run_one_lookup() {
    let bench = Bench::gated(limits());
    let first = tokio::join!(bench.scan("a"), bench.scan("a"), bench.scan("b"), bench.poll("a"));
    assert_eq!(first, (pending(&[]), pending(&[]), pending(&[]), pending(&[])));
    assert_eq!(bench.calls(), 2);
    let open = async { bench.open(2) };
    let second = tokio::join!(bench.scan("a"), bench.poll("a"), bench.poll("b"), open);
    assert_eq!(second, (found(&["a"]), found(&["a"]), found(&["b"]), ()));
    assert_eq!(bench.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_more_handlers_than_allowed_are_at_work() {
    let bench = Bench::gated(Limits { at_a_time: 2, polls: 10, ..limits() });
    let values: Vec<_> = (0..7).map(|number| number.to_string()).collect();
    for value in &values {
        assert_eq!(bench.scan(value).await, pending(&[]));
    }
    assert_eq!(bench.calls(), 2);
    bench.open(7);
    for value in &values {
        assert_eq!(bench.poll(value).await, found(&[value]));
    }
    assert_eq!((bench.calls(), bench.desk.most.load(Ordering::SeqCst)), (7, 2));
}

#[tokio::test(start_paused = true)]
async fn each_poll_asks_a_handler_again_that_did_not_know_yet() {
    let bench = Bench::quick(limits());
    assert_eq!(bench.scan("at last").await, pending(&[]));
    assert_eq!(bench.poll("at last").await, pending(&[]));
    assert_eq!(bench.poll("at last").await, found(&["at last"]));
    assert_eq!(bench.poll("at last").await, found(&["at last"]));
    assert_eq!(bench.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn after_max_retries_the_hits_so_far_are_the_answer() {
    let bench = Bench::quick(limits());
    assert_eq!(bench.scan("not yet").await, pending(&["1"]));
    for poll in ["2", "3", "4"] {
        assert_eq!(bench.poll("not yet").await, pending(&[poll]));
    }
    assert_eq!(bench.poll("not yet").await, found(&["5"]));
    assert_eq!(bench.poll("not yet").await, found(&[]), "it is forgotten");
    assert_eq!(bench.calls(), 5);
    // A new scan begins to count anew.
    assert_eq!(bench.scan("not yet").await, pending(&["6"]));
    assert_eq!(bench.poll("not yet").await, pending(&["7"]));
    assert_eq!(bench.scan("not yet").await, pending(&["8"]));
    for poll in ["9", "10", "11"] {
        assert_eq!(bench.poll("not yet").await, pending(&[poll]));
    }
    // Nobody asks for it in time.
    tokio::time::advance(TTL).await;
    assert_eq!(bench.poll("not yet").await, found(&[]));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_still_runs_after_max_retries_answers_the_next_scan() {
    let bench = Bench::gated(limits());
    assert_eq!(bench.scan("a").await, pending(&[]));
    for _ in 0..3 {
        assert_eq!(bench.poll("a").await, pending(&[]));
    }
    assert_eq!(bench.poll("a").await, found(&[]));
    let (again, ()) = tokio::join!(bench.scan("a"), async { bench.open(1) });
    assert_eq!((again, bench.calls()), (found(&["a"]), 1));
}

#[tokio::test(start_paused = true)]
async fn errors_panics_and_timeouts_are_counted_answered_and_not_kept() {
    let bench = Bench::quick(limits());
    for (number, value) in [(1, "fails"), (2, "panics")] {
        assert_eq!(bench.scan(value).await, found(&[]), "{value}");
        assert_eq!(bench.count("threat_errors"), number);
    }
    assert_eq!(bench.scan("hangs").await, pending(&[]));
    tokio::time::advance(Duration::from_secs(119)).await;
    assert_eq!(bench.poll("hangs").await, pending(&[]));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(bench.poll("hangs").await, found(&[]));
    assert_eq!((bench.count("threat_errors"), bench.calls()), (3, 3));
    assert_eq!(bench.scan("fails").await, found(&[]));
    assert_eq!(bench.calls(), 4, "it is looked up again");
    assert_eq!(bench.scan("good").await, found(&["good"]), "others go on");
}

#[tokio::test(start_paused = true)]
async fn hits_so_far_outlive_a_later_failure() {
    let bench = Bench::quick(limits());
    assert_eq!(bench.scan("fails later").await, pending(&["1"]));
    assert_eq!(bench.poll("fails later").await, found(&["1"]));
    assert_eq!(bench.count("threat_errors"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_room_a_scan_is_told_to_come_later_and_costs_nobody_a_result() {
    let bench = Bench::gated(Limits { size: 2, ..limits() });
    assert_eq!(bench.scan("a").await, pending(&[]));
    assert_eq!(bench.scan("b").await, pending(&[]));
    assert_eq!(bench.scan("c").await, Answer::Full);
    assert_eq!((bench.count("threat_refused"), bench.calls()), (1, 2));
    bench.open(2);
    assert_eq!(bench.poll("a").await, found(&["a"]));
    assert_eq!(bench.poll("b").await, found(&["b"]));
    bench.open(1);
    assert_eq!(bench.scan("c").await, found(&["c"]));
    assert_eq!(bench.poll("a").await, found(&[]), "the oldest result made room");
    assert_eq!(bench.poll("b").await, found(&["b"]));
}

#[tokio::test(start_paused = true)]
async fn while_the_runner_stops_no_lookup_begins() {
    let bench = Bench::quick(limits());
    bench.work.abort();
    assert!(bench.work.await.unwrap_err().is_cancelled());
    let artifact = Artifact::new("net.ip", "a");
    assert_eq!(bench.engine.scan(0, id("a"), artifact).await, Answer::Full);
    assert_eq!(bench.engine.poll(0, id("a")).await, found(&[]));
}
