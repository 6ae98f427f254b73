//! The log beside a journal at work: what it shows, what it deletes and what it never does.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use circuits::Reply;
use circuits::history::{Filter, Status};
use circuits::journal::{Arrival, Journal, Outcome, Settlement, Standing, Step};
use rusqlite::Connection;

use super::EventLog;
use crate::{Options, SqliteJournal};

/// A journal with one message of each status, and its file.
async fn every_status() -> (SqliteJournal, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&Options::new(folder.path().join("journal"))).unwrap();
    for status in Status::ALL {
        let (id, body) = (status.name(), Bytes::from_static(b"{\"a\":1}"));
        let headers = vec![("correlation-id", "invid:1")];
        journal.begin(&[Arrival { id, destination: "actions.201.q", headers, body: &body }]).await.unwrap();
        if status == Status::Waiting {
            continue;
        }
        journal.started(id, Some("Rule"), Some(7)).await.unwrap();
        journal.step(id, Step::Status("half way".to_owned()));
        let took = Duration::from_millis(12);
        let call = Step::Call { method: "GET", path: "/rest/x".to_owned(), status: Some(404), took };
        journal.step(id, call);
        let (reply, outcome) = match status {
            Status::Running => continue,
            Status::Failed => (Reply::error("no"), Outcome::Answered),
            Status::Dead => (Reply::error("gave up"), Outcome::SetAside),
            _ => (Reply::completed("yes"), Outcome::Answered),
        };
        journal.finish(id, &reply, outcome).await.unwrap();
        if status != Status::Finished {
            journal.settled(id, Settlement::Replied).await.unwrap();
        }
    }
    (journal, folder)
}

fn log(folder: &tempfile::TempDir) -> EventLog {
    EventLog::open(&folder.path().join("journal")).unwrap()
}

fn names(log: &EventLog, filter: &Filter) -> Vec<String> {
    log.list(filter, 100).unwrap().into_iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn each_filter_lets_through_what_it_says() {
    let (_journal, folder) = every_status().await;
    let log = log(&folder);
    assert_eq!(
        names(&log, &Filter::default()),
        ["dead", "failed", "completed", "finished", "running", "waiting"]
    );
    for status in Status::ALL {
        let events = log.list(&Filter { status: Some(status), ..Filter::default() }, 100).unwrap();
        assert_eq!(events.len(), 1, "{status:?}");
        assert_eq!((events[0].id.as_str(), events[0].status), (status.name(), status));
    }
    let rule = |rule: &str| Filter { rule: Some(rule.to_owned()), ..Filter::default() };
    assert_eq!((names(&log, &rule("Rule")).len(), names(&log, &rule("rule")).len()), (5, 0));
    let both = Filter { incident: Some(7), status: Some(Status::Failed), ..Filter::default() };
    assert_eq!(names(&log, &both), ["failed"]);
    let now = SystemTime::now() + Duration::from_secs(1);
    assert_eq!(names(&log, &Filter { since: Some(now), ..Filter::default() }), [""; 0]);
    assert_eq!(names(&log, &Filter { until: Some(now), ..Filter::default() }).len(), 6);
    assert_eq!(log.list(&Filter::default(), 2).unwrap().len(), 2);
}

#[tokio::test]
async fn a_message_is_shown_with_all_that_happened() {
    let (_journal, folder) = every_status().await;
    let log = log(&folder);
    let number = log.find("failed").unwrap();
    assert_eq!(log.find(&format!("#{number}")).unwrap(), number);
    let details = log.show(number).unwrap();
    assert_eq!(details.headers, [("correlation-id".to_owned(), "invid:1".to_owned())]);
    assert_eq!(details.body.as_deref(), Some(&b"{\"a\":1}"[..]));
    let steps: Vec<_> =
        details.steps.iter().map(|step| (step.text.as_str(), step.code, step.took_ms)).collect();
    assert_eq!(steps, [("half way", None, None), ("GET /rest/x", Some(404), Some(12))]);
    let event = details.event;
    assert_eq!((event.rule.as_deref(), event.incident, event.attempts), (Some("Rule"), Some(7), 1));
    assert_eq!(event.text.as_deref(), Some("no"));
    assert!(event.arrived <= event.started.unwrap() && event.finished.unwrap() <= event.settled.unwrap());
    let error = log.find("stranger").unwrap_err().to_string();
    assert!(error.contains("stranger") && error.contains("circuits events list"), "{error}");
}

#[tokio::test]
async fn what_is_run_again_is_a_message_of_its_own() {
    let (journal, folder) = every_status().await;
    let mut log = log(&folder);
    for unsettled in ["waiting", "running", "finished"] {
        let number = log.find(unsettled).unwrap();
        let error = log.run_again(number).unwrap_err().to_string();
        assert!(error.contains(&format!("is {unsettled}")), "{error}");
    }
    assert_eq!(journal.rerun(0).await.unwrap(), None);
    let dead = log.find("dead").unwrap();
    let (first, second) = (log.run_again(dead).unwrap(), log.run_again(dead).unwrap());
    assert_eq!(log.show(dead).unwrap().event.status, Status::Failed, "it is taken up again");
    assert_eq!(log.show(dead).unwrap().reruns, [first, second]);
    let rerun = journal.rerun(0).await.unwrap().unwrap();
    assert_eq!(
        (rerun.position, rerun.id.starts_with("dead#again-"), &rerun.body[..]),
        (first, true, &b"{\"a\":1}"[..])
    );
    assert_eq!(rerun.headers, [("correlation-id".to_owned(), "invid:1".to_owned())]);
    let arrival = Arrival { id: &rerun.id, destination: "q", headers: Vec::new(), body: &rerun.body };
    assert_eq!(journal.begin(&[arrival]).await.unwrap(), [Standing::Run { attempt: 1 }]);
    journal.finish(&rerun.id, &Reply::error("gave up"), Outcome::SetAside).await.unwrap();
    journal.settled(&rerun.id, Settlement::Replied).await.unwrap();
    assert_eq!(journal.rerun(0).await.unwrap().unwrap().position, second);
    assert_eq!(journal.rerun(second).await.unwrap(), None);

    // No id is used a second time, even after a message was dropped.
    let before = [rerun.id, journal.rerun(0).await.unwrap().unwrap().id];
    log.drop_dead(first).unwrap();
    let third = log.run_again(dead).unwrap();
    let again = journal.rerun(second).await.unwrap().unwrap();
    assert_eq!(again.position, third);
    assert!(!before.contains(&again.id), "{before:?}, {}", again.id);
}

#[tokio::test]
async fn only_what_is_settled_can_be_deleted() {
    let (journal, folder) = every_status().await;
    let mut log = log(&folder);
    let now = SystemTime::now() + Duration::from_secs(1);
    assert_eq!(log.count_settled(now).unwrap(), 3);
    assert_eq!(log.purge(now, 1).unwrap(), 1);
    assert_eq!(names(&log, &Filter::default()), ["dead", "failed", "finished", "running", "waiting"]);
    let running = log.find("running").unwrap();
    assert!(log.drop_dead(running).unwrap_err().to_string().contains("is running"));
    let dead = log.find("dead").unwrap();
    log.drop_dead(dead).unwrap();
    assert_eq!(log.purge(now, u32::MAX).unwrap(), 1);
    assert_eq!(names(&log, &Filter::default()), ["finished", "running", "waiting"]);
    drop(journal);
    let connection = Connection::open(folder.path().join("journal")).unwrap();
    let left = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(left("SELECT count(*) FROM content"), 3);
    assert_eq!(left("SELECT count(DISTINCT seq) FROM step"), 2);
}

#[tokio::test]
async fn a_page_goes_on_below_the_last_of_the_page_before() {
    let (_journal, folder) = every_status().await;
    let log = log(&folder);
    let mut filter = Filter::default();
    let mut seen = Vec::new();
    loop {
        let page = log.list(&filter, 4).unwrap();
        let Some(last) = page.last() else { break };
        filter.before = Some(last.number);
        seen.extend(page.into_iter().map(|event| event.id));
    }
    assert_eq!(seen, ["dead", "failed", "completed", "finished", "running", "waiting"]);
    let of = |name: &str| Filter { destinations: Some(vec![name.to_owned()]), ..Filter::default() };
    assert_eq!(log.list(&of("actions.201.q"), 10).unwrap().len(), 6);
    assert_eq!(log.list(&of("actions.201.other"), 10).unwrap().len(), 0);
    assert_eq!(
        log.list(&Filter { destinations: Some(Vec::new()), ..Filter::default() }, 10).unwrap().len(),
        0
    );
}

/// The runner's own view of its log agrees with that from outside, and lets go of the file before the writer does.
#[tokio::test]
async fn the_history_of_an_open_journal_is_the_log() {
    let (journal, folder) = every_status().await;
    let history = journal.history().unwrap();
    let listed = history.list(&Filter::default(), 2).await.unwrap();
    assert_eq!(listed.iter().map(|event| &*event.id).collect::<Vec<_>>(), ["dead", "failed"]);
    let causes = history.failures(&Filter::default()).await.unwrap();
    let causes: Vec<_> = causes.iter().map(|one| (&*one.cause, one.count, one.example)).collect();
    assert_eq!(causes, [("gave up", 1, listed[0].number), ("no", 1, listed[1].number)]);
    let ids = ["failed", "nothing"].map(str::to_owned).to_vec();
    assert_eq!(history.numbers(ids).await.unwrap(), [Some(listed[1].number), None]);
    assert!(history.show(999).await.unwrap_err().is_unknown());
    let dead = history.find("dead").await.unwrap();
    let again = history.run_again(dead).await.unwrap();
    assert_eq!(journal.rerun(0).await.unwrap().unwrap().position, again);
    let refused = history.drop_dead(dead).await.unwrap_err();
    assert!(refused.to_string().contains("is not a dead letter, it is failed") && !refused.is_journal());
    drop((journal, history));
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["journal", "journal-lock"], "no write-ahead log is left behind");
}

#[tokio::test]
async fn a_check_counts_and_names_damage() {
    let (journal, folder) = every_status().await;
    let log = log(&folder);
    let check = log.check().unwrap();
    assert!(check.faults.is_empty() && check.in_use && check.oldest.is_some(), "{check:?}");
    assert!(check.messages.iter().all(|(_, count)| *count == 1), "{check:?}");
    drop(journal);
    assert!(log.sync().unwrap());
    let check = log.check().unwrap();
    assert!(!check.in_use && check.bytes.0 > 0 && check.bytes.1 == 0, "{check:?}");
    log.connection.execute_batch("DROP INDEX by_rule; PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX by_arrival ON message (seq)' WHERE name = 'by_arrival'").unwrap();
    let faults = self::log(&folder).check().unwrap().faults;
    assert!(!faults.is_empty());
}

#[tokio::test]
async fn a_file_of_the_first_version_is_brought_up() {
    let (journal, folder) = every_status().await;
    drop(journal);
    let path = folder.path().join("journal");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "DROP TABLE step; DROP TABLE outbox; DROP INDEX by_arrival; DROP INDEX by_rule; DROP INDEX by_incident; DROP INDEX unsettled;
         DROP INDEX failures; DROP INDEX reruns; DROP INDEX asked_for;
         ALTER TABLE message DROP COLUMN failed; ALTER TABLE message DROP COLUMN rerun_of; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(old);
    let log = log(&folder);
    assert_eq!(names(&log, &Filter { status: Some(Status::Failed), ..Filter::default() }), ["failed"]);
    assert_eq!(names(&log, &Filter { status: Some(Status::Dead), ..Filter::default() }), ["dead"]);
    let missing = EventLog::open(&folder.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("there is no journal"), "{missing}");
}
