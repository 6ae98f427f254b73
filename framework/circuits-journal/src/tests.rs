//! The writer when its file fails under it: a full disk, another program's lock, damage; and what retention deletes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use circuits::Reply;
use circuits::journal::{Arrival, Journal, Outcome, Settlement, Standing};
use rusqlite::Connection;

use crate::{Options, SqliteJournal};

struct Place {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { path: folder.path().join("journal"), _folder: folder }
}

fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(&Options::new(path)).unwrap()
}

async fn begin(journal: &SqliteJournal, id: &str, size: usize) -> circuits::Result<Standing> {
    let body = Bytes::from(vec![b'x'; size]);
    let arrival = Arrival { id, destination: "actions.201.q", headers: vec![("a", "b")], body: &body };
    Ok(journal.begin(&[arrival]).await?.remove(0))
}

async fn begin_many(journal: &SqliteJournal, numbers: std::ops::Range<u32>, size: usize) {
    let body = Bytes::from(vec![b'x'; size]);
    let ids: Vec<_> = numbers.map(|n| n.to_string()).collect();
    let arrivals = ids.iter().map(|id| Arrival { id, destination: "q", headers: Vec::new(), body: &body });
    journal.begin(&arrivals.collect::<Vec<_>>()).await.unwrap();
}

async fn settle(journal: &SqliteJournal, id: &str) {
    journal.finish(id, &Reply::completed("done"), Outcome::Answered).await.unwrap();
    journal.settled(id, Settlement::Replied).await.unwrap();
}

fn count(path: &Path, query: &str) -> i64 {
    Connection::open(path).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_full_disk_fails_calls_until_there_is_room() {
    let place = place();
    let journal = open(&place.path);
    begin(&journal, "first", 100).await.unwrap();
    journal.meddle(|connection| connection.pragma_update(None, "max_page_count", 1)).await.unwrap();
    let error = begin(&journal, "large", 1 << 20).await.unwrap_err().to_string();
    assert!(error.contains("full") && error.contains("Make room"), "{error}");
    assert!(error.contains(&place.path.display().to_string()), "{error}");
    // The two wait together; the one that still fits is taken.
    let reply = Reply::completed("done");
    let (large, small) =
        tokio::join!(begin(&journal, "large", 1 << 20), journal.finish("first", &reply, Outcome::Answered));
    large.unwrap_err();
    small.unwrap();
    journal.meddle(|connection| connection.pragma_update(None, "max_page_count", 100_000)).await.unwrap();
    assert_eq!(begin(&journal, "large", 1 << 20).await.unwrap(), Standing::Run { attempt: 1 });
    assert_eq!(begin(&journal, "first", 100).await.unwrap(), Standing::Finished("done".into()));
}

#[tokio::test]
async fn another_programs_lock_fails_calls_until_it_is_gone() {
    let place = place();
    let journal = open(&place.path);
    journal.meddle(|connection| connection.busy_timeout(Duration::ZERO)).await.unwrap();
    let other = Connection::open(&place.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = begin(&journal, "a", 1).await.unwrap_err().to_string();
    assert!(error.contains("Another program has it locked"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    begin(&journal, "a", 1).await.unwrap();
}

#[tokio::test]
async fn damage_that_is_met_while_running_is_told_with_the_cure() {
    let place = place();
    let journal = open(&place.path);
    journal
        .meddle(|connection| {
            connection.execute_batch("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage=99 WHERE name='message'; PRAGMA writable_schema=RESET")
        })
        .await
        .unwrap();
    let error = begin(&journal, "a", 1).await.unwrap_err().to_string();
    assert!(error.contains("malformed") && error.contains("move the file"), "{error}");
}

#[tokio::test]
async fn everything_that_was_told_is_in_the_file() {
    let place = place();
    let journal = open(&place.path);
    begin(&journal, "a", 3).await.unwrap();
    begin(&journal, "huge", (16 << 20) + 1).await.unwrap();
    journal.started("a", Some("Rule"), Some(7)).await.unwrap();
    journal.finish("a", &Reply::error("no"), Outcome::SetAside).await.unwrap();
    journal.settled("a", Settlement::Refused).await.unwrap();
    let row: String = Connection::open(&place.path)
        .unwrap()
        .query_row(
            "SELECT concat_ws('|', destination, rule, incident, state, attempts, outcome, settlement, reply, headers, body,
                              arrived <= started, started <= finished, finished <= settled)
             FROM message JOIN content USING (seq) WHERE id = 'a'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(
        row,
        r#"actions.201.q|Rule|7|2|1|1|2|{"message_type":1,"message":"no","complete":true}|[["a","b"]]|xxx|1|1|1"#
    );
    assert_eq!(count(&place.path, "SELECT count(*) FROM content WHERE body IS NULL"), 1);
}

/// Runs steps of retention until it has nothing to do, by giving it calls to look up from.
async fn until(path: &Path, journal: &SqliteJournal, done: impl Fn() -> bool) {
    while !done() {
        journal.released("nothing").await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(path.exists());
}

#[tokio::test]
async fn age_deletes_what_is_settled() {
    let place = place();
    let options = Options::new(&place.path).keep(Some(Duration::from_secs(3600)));
    let journal = SqliteJournal::open(&options).unwrap();
    begin_many(&journal, 0..500, 10).await;
    journal
        .meddle(|connection| {
            connection.execute("UPDATE message SET state = 2 WHERE CAST(id AS INTEGER) >= 10", []).map(drop)
        })
        .await
        .unwrap();
    begin(&journal, "finished", 10).await.unwrap();
    journal.finish("finished", &"done".into(), Outcome::Answered).await.unwrap();
    journal
        .meddle(|connection| {
            connection.execute("UPDATE message SET arrived = arrived - 7200000", []).map(drop)
        })
        .await
        .unwrap();
    begin(&journal, "young", 10).await.unwrap();
    settle(&journal, "young").await;
    until(&place.path, &journal, || count(&place.path, "SELECT count(*) FROM message") == 12).await;
    assert_eq!(count(&place.path, "SELECT count(*) FROM content"), 12);
    assert_eq!(begin(&journal, "3", 10).await.unwrap(), Standing::Run { attempt: 1 });
    assert_eq!(begin(&journal, "finished", 10).await.unwrap(), Standing::Finished("done".into()));
    assert_eq!(begin(&journal, "young", 10).await.unwrap(), Standing::Replied);
}

#[tokio::test]
async fn size_deletes_the_oldest_and_the_file_shrinks() {
    let place = place();
    let journal = open(&place.path);
    begin_many(&journal, 0..800, 60_000).await;
    journal
        .meddle(|connection| connection.execute("UPDATE message SET state = 2 WHERE id <> '0'", []).map(drop))
        .await
        .unwrap();
    drop(journal);
    let size = || std::fs::metadata(&place.path).unwrap().len();
    let before = size();
    assert!(before > 45 << 20);

    let options = Options::new(&place.path).max_bytes(Some(10 << 20));
    let journal = SqliteJournal::open(&options).unwrap();
    let used = "SELECT (page_count - freelist_count) * 4096 FROM pragma_page_count, pragma_freelist_count";
    until(&place.path, &journal, || count(&place.path, used) <= 10 << 20).await;
    drop(journal);
    assert!(count(&place.path, used) > 9 << 20, "no more than necessary is deleted");
    let journal = SqliteJournal::open(&options).unwrap();
    // Free pages stay for new messages, but not without limit.
    let spare = "SELECT freelist_count FROM pragma_freelist_count";
    until(&place.path, &journal, || count(&place.path, spare) <= 4096).await;
    assert_eq!(begin(&journal, "0", 1).await.unwrap(), Standing::Run { attempt: 1 });
    assert_eq!(begin(&journal, "799", 1).await.unwrap(), Standing::Replied);
    assert_eq!(begin(&journal, "1", 1).await.unwrap(), Standing::Run { attempt: 1 });
    drop(journal);
    assert!(size() < before * 3 / 5, "{before} became {}", size());
}
