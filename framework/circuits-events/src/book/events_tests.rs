//! Events of a window, and how much a store has to do for them.

use std::sync::{Arc, Mutex};

use circuits::store::{MemoryStore, Store, StoreFuture};
use circuits_journal::SqliteStore;
use serde_json::json;

use super::*;

fn at(time: &str) -> Timestamp {
    format!("2024-01-01T{time}:00Z").parse().unwrap()
}

/// Stores events that happened then, each with a delivery that has been made and one that waits.
async fn fill(book: &Book, times: impl IntoIterator<Item = Timestamp>) {
    let events = times.into_iter().enumerate().map(|(number, time)| {
        let event = json!({"id": uuid::Uuid::from_u128(number as u128).to_string(), "data": {"message": {"id": "m"}}});
        let target = |target: &str, room| Addressed { target: target.to_owned(), room };
        (StoredEvent::new(event, None, time), vec![target("webhook:full", false), target("webhook:a", true)])
    });
    book.add(events.collect()).await.unwrap();
}

#[tokio::test]
async fn ot_2_a_window_begins_after_its_first_moment_and_ends_with_its_last() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(&folder.path().join("store")).unwrap();
    let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::default()), Arc::new(sqlite)];
    for store in stores {
        let book = Book::new(Arc::clone(&store));
        fill(&book, ["00:00", "01:00", "02:00"].map(at)).await;
        let (first, second, third) = (Some(at("00:00")), at("01:00"), at("02:00"));
        assert_eq!(book.count(None, third).await.unwrap(), 3);
        assert_eq!(book.count(first, second).await.unwrap(), 1);
        let page = Query { offset: 1, limit: Some(1), ..Query::default() };
        let page = store.list(EVENT, &page).await.unwrap();
        assert_eq!(page.iter().map(|record| time(record.rank)).collect::<Vec<_>>(), [second]);

        assert_eq!(book.purge(first, second, u32::MAX, true).await.unwrap(), 1);
        let left = book.events(None, None, 10).await.unwrap();
        assert_eq!(left.iter().map(|event| event.at).collect::<Vec<_>>(), [third, at("00:00")]);
        assert_eq!(book.events_of("m").await.unwrap().len(), 2);
        assert_eq!(book.waiting("webhook:a").await.unwrap(), 2);
        assert_eq!(book.purge(first, second, u32::MAX, true).await.unwrap(), 0);
    }
}

/// What a store was asked: records that each call returned, and changes that each call made.
#[derive(Default)]
struct Asked {
    read: Vec<usize>,
    changed: Vec<usize>,
}

/// A store that notes how much each call is.
struct Watched {
    store: SqliteStore,
    asked: Mutex<Asked>,
}

impl Watched {
    fn take(&self) -> Asked {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Store for Watched {
    fn get<'a>(&'a self, table: &'a str, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.asked.lock().unwrap().read.push(1);
        self.store.get(table, key)
    }

    fn list<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, Vec<Record>> {
        Box::pin(async move {
            let found = self.store.list(table, query).await?;
            self.asked.lock().unwrap().read.push(found.len());
            Ok(found)
        })
    }

    fn count<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, u64> {
        self.store.count(table, query)
    }

    fn apply(&self, changes: Vec<Write>) -> StoreFuture<'_, Vec<bool>> {
        self.asked.lock().unwrap().changed.push(changes.len());
        self.store.apply(changes)
    }
}

#[tokio::test]
async fn ot_14_little_is_read_for_little_and_much_is_deleted_a_little_at_a_time() {
    const STORED: u32 = 5_000;
    const OLD: u32 = 4_500;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store")).unwrap();
    let watched = Arc::new(Watched { store, asked: Mutex::default() });
    let book = Book::new(Arc::clone(&watched) as Arc<dyn Store>);
    let moment = |second: u32| at("00:00") + jiff::SignedDuration::from_secs(second.into());
    fill(&book, (1..=STORED).map(moment)).await;
    watched.take();

    let newest = book.events(None, None, 10).await.unwrap();
    assert_eq!((newest.len(), newest[0].at), (10, moment(STORED)));
    let asked = watched.take();
    assert_eq!((asked.read, asked.changed), (vec![10], vec![]), "ten are read for ten");

    assert_eq!(book.purge(None, moment(OLD), u32::MAX, true).await.unwrap(), OLD);
    let asked = watched.take();
    // An event is six records: itself, its place at its message, two deliveries, and what is due of them.
    let (most, all) = (BATCH as usize * 6, OLD as usize * 6);
    assert!(asked.changed.iter().all(|changes| *changes <= most), "each step is short");
    assert_eq!(asked.changed.iter().sum::<usize>(), all, "nothing is deleted twice");
    assert!(asked.read.iter().all(|read| *read <= BATCH as usize), "memory is for one step");
    assert_eq!(asked.read.iter().sum::<usize>(), OLD as usize * 3, "each record is read once");
    let steps = OLD.div_ceil(BATCH) as usize;
    assert_eq!((asked.changed.len(), asked.read.len()), (steps, steps + OLD as usize + 1));
    assert_eq!(book.count(None, Timestamp::MAX).await.unwrap(), u64::from(STORED - OLD));

    // Those that are kept because a delivery waits are not read again and again.
    assert_eq!(book.purge(None, Timestamp::MAX, u32::MAX, false).await.unwrap(), 0);
    let kept = (STORED - OLD) as usize;
    assert_eq!(watched.take().read.iter().sum::<usize>(), kept * 3);
}
