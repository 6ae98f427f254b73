//! SIGKILL at random points: whatever the journal has answered before is in the file afterwards.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use bytes::Bytes;
use circuits::Reply;
use circuits::journal::{Arrival, Journal, Outcome, Settlement, Standing};
use circuits_journal::{Options, SqliteJournal};

const ROUNDS: usize = 25;
const CHILD: &str = "CIRCUITS_JOURNAL_CHILD";

async fn begin(journal: &SqliteJournal, id: &str) -> Standing {
    let body = Bytes::from(vec![b'x'; 3000]);
    let arrival = Arrival { id, destination: "actions.201.q", headers: Vec::new(), body: &body };
    journal.begin(&[arrival]).await.unwrap().remove(0)
}

/// Tells the parent that the journal has answered, bypassing all buffers.
fn told(id: &str, steps: usize) {
    std::io::stderr().write_all(format!("told {id} {steps}\n").as_bytes()).unwrap();
}

/// In the child: takes messages through the journal, sixteen at a time, until the parent kills it. Does nothing in an
/// ordinary run of the tests.
#[test]
fn child() {
    let Some(file) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let options = Options::new(file).max_bytes(Some(1 << 30));
    let journal = std::sync::Arc::new(SqliteJournal::open(&options).unwrap());
    let process = std::process::id();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for worker in 0..16 {
            let journal = std::sync::Arc::clone(&journal);
            tasks.push(tokio::spawn(async move {
                for n in 0.. {
                    let id = format!("{process}-{worker}-{n}");
                    begin(&journal, &id).await;
                    told(&id, 1);
                    journal.started(&id, Some("Rule"), Some(7)).await.unwrap();
                    told(&id, 2);
                    journal.finish(&id, &Reply::completed(&id), Outcome::Answered).await.unwrap();
                    told(&id, 3);
                    journal.settled(&id, Settlement::Replied).await.unwrap();
                    told(&id, 4);
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn every_answered_call_survives() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal");
    let mut answered = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--nocapture"])
            .env(CHILD, &file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let last = fastrand::usize(1..2000);
        let lines = BufReader::new(child.stderr.take().unwrap()).split(b'\n');
        let mut seen = 0;
        // This includes what it said between our decision and its death.
        for line in lines {
            let line = String::from_utf8(line.unwrap()).unwrap();
            // A line that its death cut off lacks its number.
            if let ["told", id, steps] = line.split(' ').collect::<Vec<_>>()[..]
                && let Ok(steps @ 1..=4) = steps.parse::<usize>()
            {
                answered.insert(id.to_owned(), steps);
                seen += 1;
            }
            if seen == last {
                child.kill().unwrap();
            }
        }
        assert!(seen >= last, "the child ended by itself");
        child.wait().unwrap();
    }
    let journal = SqliteJournal::open(&Options::new(&file)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut at = [0; 5];
    for (id, steps) in &answered {
        at[*steps] += 1;
        let standing = runtime.block_on(begin(&journal, id));
        let finished = standing == Standing::Finished(Reply::completed(id));
        // The call after the last one that was answered may have taken effect too.
        let right = match steps {
            1 => matches!(standing, Standing::Run { attempt: 1 | 2 }),
            2 => standing == (Standing::Run { attempt: 2 }) || finished,
            3 => finished || standing == Standing::Replied,
            _ => standing == Standing::Replied,
        };
        assert!(right, "{id} was answered {steps} calls and is {standing:?}");
    }
    assert!(at[1..].iter().all(|count| *count > 0), "killed at every kind of point: {at:?}");
}
