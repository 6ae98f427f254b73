//! The event log with a million messages: how long each kind of query takes, and how much a purge slows a runner's calls.
//! `cargo bench -p circuits-benches --bench events [-- --events 1000000]`

#![allow(clippy::expect_used, reason = "a failed measurement should say where")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use circuits::Reply;
use circuits::history::{Filter, Status};
use circuits::journal::{Arrival, Journal as _, Outcome, Settlement};
use circuits_journal::{EventLog, Options, SqliteJournal};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = arguments.iter().skip_while(|argument| *argument != "--events").nth(1);
    let events: u32 = asked.map_or(1_000_000, |number| number.parse().expect("--events takes a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    fill(&path, events);
    println!("{events} messages of 1 KB, {} MB, {}", megabytes(&path), resident());

    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let filters = [
        ("list, newest 50", Filter::default()),
        ("list --rule (1 of 20)", Filter { rule: Some("Rule 7".to_owned()), ..Filter::default() }),
        ("list --rule (none)", Filter { rule: Some("Nobody".to_owned()), ..Filter::default() }),
        ("list --incident (10 each)", Filter { incident: Some(4711), ..Filter::default() }),
        ("list --status failed (1 %)", Filter { status: Some(Status::Failed), ..Filter::default() }),
        ("list --status dead (none)", Filter { status: Some(Status::Dead), ..Filter::default() }),
        ("list --status waiting (none)", Filter { status: Some(Status::Waiting), ..Filter::default() }),
        ("list --until 1 h ago", Filter { until: Some(hour_ago), ..Filter::default() }),
        (
            "list --rule --status failed",
            Filter { rule: Some("Rule 7".to_owned()), status: Some(Status::Failed), ..Filter::default() },
        ),
        (
            "list --rule --status dead (none)",
            Filter { rule: Some("Rule 7".to_owned()), status: Some(Status::Dead), ..Filter::default() },
        ),
    ];
    for (name, filter) in filters {
        report(name, || open(&path).list(&filter, 50).expect("a list").len());
    }
    report("show", || {
        let log = open(&path);
        log.show(log.find("message 500").expect("it is there")).expect("it is there").steps.len()
    });
    println!("{}", resident());
    purge(&path, events);
}

fn open(path: &Path) -> EventLog {
    EventLog::open(path).expect("a journal")
}

/// The slowest of five runs, each with a fresh connection.
fn report(name: &str, look: impl Fn() -> usize) {
    let slowest = (0..5).map(|_| {
        let begun = Instant::now();
        (look(), begun.elapsed())
    });
    let (found, took) = slowest.max_by_key(|(_, took)| *took).expect("five");
    println!("{name:<34} {:>8.2} ms  ({found} found)", took.as_secs_f64() * 1e3);
}

fn fill(path: &Path, events: u32) {
    drop(SqliteJournal::open(&Options::new(path)).expect("a journal"));
    let connection = rusqlite::Connection::open(path).expect("a file");
    let body = "x".repeat(1024);
    connection
        .execute_batch(&format!(
            "BEGIN;
             CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {events}) SELECT i FROM n;
             INSERT INTO message (id, destination, rule, incident, state, attempts, arrived, started, finished, settled,
                                  outcome, settlement, failed, reply)
             SELECT 'message ' || i, 'actions.201.q', 'Rule ' || (i % 20), i / 10, 2, 1, at, at + 1, at + 2, at + 3, 0, 0,
                    i % 100 = 0, '{{\"message_type\":' || (i % 100 = 0) || ',\"message\":\"done\",\"complete\":true}}'
             FROM (SELECT i, (unixepoch() - ({events} - i)) * 1000 AS at FROM n);
             INSERT INTO content (seq, headers, body) SELECT seq, '[]', CAST('{body}' AS BLOB) FROM message;
             INSERT INTO step (seq, n, at, kind, text) SELECT seq, 1, arrived, 0, 'on the way' FROM message;
             COMMIT"
        ))
        .expect("messages");
}

/// A runner's calls, first alone and then while everything is purged.
fn purge(path: &Path, events: u32) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let journal = SqliteJournal::open(&Options::new(path)).expect("a journal");
    let work = |stop: &dyn Fn(usize) -> bool, prefix: &str| {
        runtime.block_on(async {
            let mut took = Vec::new();
            while !stop(took.len()) {
                let (id, begun) = (format!("{prefix} {}", took.len()), Instant::now());
                let body = Bytes::from_static(b"{}");
                let arrival = Arrival { id: &id, destination: "q", headers: Vec::new(), body: &body };
                journal.begin(&[arrival]).await.expect("noted");
                journal.started(&id, Some("Rule"), Some(1)).await.expect("noted");
                journal.finish(&id, &Reply::completed("done"), Outcome::Answered).await.expect("noted");
                journal.settled(&id, Settlement::Replied).await.expect("noted");
                took.push(begun.elapsed());
            }
            took.sort();
            took
        })
    };
    let alone = work(&|count| count == 500, "alone");
    let done = AtomicBool::new(false);
    let beside = std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            let cutoff = SystemTime::now() - Duration::from_secs(60);
            let gone = open(path).purge(cutoff, events).expect("purged");
            println!("purge of {gone} messages took {:.1} s, {}", begun.elapsed().as_secs_f64(), resident());
            done.store(true, Ordering::Relaxed);
        });
        work(&|_| done.load(Ordering::Relaxed), "beside")
    });
    for (name, took) in [("alone", alone), ("beside the purge", beside)] {
        let at = |share: f64| took[(took.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        let (p50, p99) = (at(0.5), at(0.99));
        let most = took.last().map_or(0.0, Duration::as_secs_f64) * 1e3;
        println!(
            "a message's four calls {name}: p50 {p50:.1} ms, p99 {p99:.1} ms, most {most:.1} ms of {}",
            took.len()
        );
    }
}

fn megabytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len() >> 20)
}

/// Memory of this process, if the system reports it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ") + " resident"
}
