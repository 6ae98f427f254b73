//! The store `sqlite`: what every store must hold to, and what outlives it in its file.

use std::sync::Arc;

use circuits::config::Config;
use circuits::store::{MemoryStore, Query, Record, Store, Write, open_store, store_kinds};
use circuits_journal::{EventLog, Options, SqliteJournal, SqliteStore};
use circuits_testing::store_contract;

#[tokio::test]
async fn ot_1_both_stores_keep_what_every_store_must() {
    let folder = tempfile::tempdir().unwrap();
    store_contract(Arc::new(SqliteStore::open(&folder.path().join("a/b/store")).unwrap())).await;
    store_contract(Arc::new(MemoryStore::default())).await;
}

#[tokio::test]
async fn it_is_chosen_by_name_and_its_records_outlive_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("circuits.journal");
    let text = format!(
        "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\njournal={}\n",
        journal.display()
    );
    let config = Config::from_text(&text).unwrap();
    assert_eq!(store_kinds().iter().map(|kind| kind.name()).collect::<Vec<_>>(), ["memory", "sqlite"]);
    let store = open_store(&config).await.unwrap();
    store.apply(vec![Write::put("t", Record::new("a", 1, "one"))]).await.unwrap();
    store.flush().await.unwrap();
    drop(store);
    assert!(!journal.exists(), "the journal's file is not the store's");
    let store = open_store(&config).await.unwrap();
    assert_eq!(store.list("t", &Query::default()).await.unwrap(), [Record::new("a", 1, "one")]);
}

#[tokio::test]
async fn a_command_beside_the_runner_sees_and_changes_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (runner, command) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    runner.apply(vec![Write::put("t", Record::new("a", 1, "one"))]).await.unwrap();
    assert_eq!(command.apply(vec![Write::delete("t", "a")]).await.unwrap(), [true]);
    assert_eq!(runner.get("t", "a").await.unwrap(), None);
    assert!(command.check().await.unwrap().is_empty());
    assert!(command.sync().await.unwrap());
}

#[tokio::test]
async fn files_of_others_are_refused_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    drop(SqliteJournal::open(&Options::new(&path)).unwrap());
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    for part in ["is not a circuits store", "it is a circuits journal", "store_file=", "store=memory"] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    let store = folder.path().join("store");
    drop(SqliteStore::open(&store).unwrap());
    let error = EventLog::open(&store).unwrap_err().to_string();
    assert!(error.contains("it is a circuits store"), "{error}");
    let error = SqliteStore::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("the store") && error.contains("cannot be opened"), "{error}");
}

#[cfg(unix)]
#[test]
fn it_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let _store = SqliteStore::open(&path).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
