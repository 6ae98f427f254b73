//! Messages per second through the journal, one call after the other as the runner makes them, by the number of messages in
//! hand at once; and the same while it notes each message's events for others, which is what webhooks and subscriptions cost a
//! message: `cargo bench -p circuits-benches --bench journal [-- FOLDER]`. FOLDER is on the disk to measure (default: the
//! folder for temporary files).

#![allow(clippy::unwrap_used, reason = "a failed measurement should say where")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use circuits::journal::{Arrival, Journal, MemoryJournal, Outcome, Settlement};
use circuits::{EventKinds, Reply};
use circuits_journal::{Options, SqliteJournal};

/// Each is measured so often, in turns, because a disk is not equally fast all the time; the table has medians.
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(1);
/// The size of a usual action message.
const BODY: usize = 4096;

fn main() {
    // Arguments that cargo itself adds begin with dashes.
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = match folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .unwrap();
    println!("flushes of the disk alone: {:.0}/s", flushes(&folder.path().join("flushes")));
    println!(
        "{:>8} {:>12} {:>14} {:>14} {:>12} {:>14}",
        "at once", "messages/s", "mean ms each", "with events/s", "of without", "in memory/s"
    );
    for workers in [1, 10, 100] {
        let open = |name: &str| {
            let file = folder.path().join(format!("{name}-{workers}"));
            SqliteJournal::open(&Options::new(file).max_bytes(Some(1 << 30))).unwrap()
        };
        let noting = open("events");
        noting.outbox().unwrap().keep(EventKinds::all(), u64::MAX);
        let journals: [Arc<dyn Journal>; 3] =
            [Arc::new(open("journal")), Arc::new(noting), Arc::new(MemoryJournal::default())];
        let rounds: Vec<_> = (0..ROUNDS)
            .map(|round| journals.each_ref().map(|journal| measure(journal, workers, round)))
            .collect();
        let [rate, events, memory] = [0, 1, 2].map(|column| median(rounds.iter().map(|round| round[column])));
        let ratio = median(rounds.iter().map(|round| round[1] / round[0]));
        let each = 1000.0 * workers as f64 / rate;
        println!("{workers:>8} {rate:>12.0} {each:>14.2} {events:>14.0} {ratio:>12.2} {memory:>14.0}");
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn flushes(path: &Path) -> f64 {
    let mut file = File::create(path).unwrap();
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(2) {
        file.write_all(&[1; BODY]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn measure(journal: &Arc<dyn Journal>, workers: usize, round: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = (0..workers)
            .map(|worker| {
                let journal = Arc::clone(journal);
                tokio::spawn(async move {
                    let mut count = 0;
                    while start.elapsed() < TIME {
                        one(&*journal, &format!("ID:host-1-2-3:1:{round}:{worker}:{count}")).await;
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut count = 0;
        for task in tasks {
            count += task.await.unwrap();
        }
        f64::from(count) / start.elapsed().as_secs_f64()
    })
}

async fn one(journal: &dyn Journal, id: &str) {
    let body = Bytes::from_static(&[b'x'; BODY]);
    let headers = vec![("reply-to", "/queue/acks.201.q"), ("correlation-id", "invid:7")];
    let arrival = Arrival { id, destination: "actions.201.q", headers, body: &body };
    journal.begin(&[arrival]).await.unwrap();
    journal.started(id, Some("Rule"), Some(2095)).await.unwrap();
    journal.finish(id, &Reply::completed("done"), Outcome::Answered).await.unwrap();
    journal.settled(id, Settlement::Replied).await.unwrap();
}
