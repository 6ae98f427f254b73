//! Which files are refused when a journal is opened, and with which words.

use std::path::Path;

use circuits::journal::Journal as _;
use circuits_journal::{EventLog, Options, SqliteJournal};
use rusqlite::Connection;

fn refused(path: &Path, parts: &[&str]) {
    let error = SqliteJournal::open(&Options::new(path)).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.is_in_use(), text.contains("in use"), "{text}");
    for part in parts.iter().chain(&[path.to_str().unwrap(), "journal"]) {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

fn made(path: &Path) {
    drop(SqliteJournal::open(&Options::new(path)).unwrap());
}

#[test]
fn the_folder_is_made_and_the_file_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/journal");
    let journal = SqliteJournal::open(&Options::new(&path)).unwrap();
    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm", "-lock"] {
        let file = format!("{}{suffix}", path.display());
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    drop(journal);
    made(&path);
}

#[tokio::test]
async fn what_is_closed_is_in_the_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = SqliteJournal::open(&Options::new(&path)).unwrap();
    // Somebody reads, on a connection of their own.
    assert!(journal.outbox().unwrap().waiting(0, 1).await.unwrap().is_empty());
    drop(journal);
    for suffix in ["-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        assert!(!Path::new(&file).exists(), "{file} was left behind");
    }
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let first = SqliteJournal::open(&Options::new(&path)).unwrap();
    refused(&path, &["in use", "-lock", "Stop it"]);
    drop(first);
    made(&path);
}

#[test]
fn what_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    // Not even root makes folders there.
    refused(Path::new("/proc/circuits/journal"), &["cannot be opened", "journal=off"]);
    std::fs::write(folder.path().join("file"), "").unwrap();
    refused(&folder.path().join("file/journal"), &["cannot be opened"]);
    refused(folder.path(), &["cannot be opened"]);
}

#[test]
fn files_of_others_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in
        [("short", &b"x"[..]), ("text", &[b'x'; 5000]), ("app.config", b"[resilient]\nhost=h\n")]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        refused(&path, &["not a circuits journal", "not an SQLite database", "move it away"]);
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    let path = folder.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    let before = std::fs::read(&path).unwrap();
    refused(&path, &["not a circuits journal", "another program"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_version_s_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    made(&path);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    refused(&path, &["newer version", "99"]);
}

#[test]
fn the_schema_is_read_without_a_trace_also_from_the_log_of_a_runner_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let files = || {
        let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.map(|path| (std::fs::read(&path).unwrap(), path)).collect();
        files.sort();
        files
    };
    let journal = SqliteJournal::open(&Options::new(&path)).unwrap();
    // Nothing has been brought from the log into the file yet, the version of the schema included.
    assert_eq!(std::fs::read(&path).unwrap()[60..64], [0; 4]);
    let (found, newest) = EventLog::schema(&path).unwrap();
    assert!(found == newest && newest > 0, "{found} {newest}");
    drop(journal);
    let before = files();
    assert_eq!(EventLog::schema(&path).unwrap(), (newest, newest));
    assert!(files() == before, "nothing is changed, and nothing is left behind");
    assert!(EventLog::schema(&folder.path().join("other")).unwrap_err().to_string().contains("no journal"));
    std::fs::write(&path, "").unwrap();
    assert!(EventLog::schema(&path).unwrap_err().to_string().contains("not a circuits journal"));
}

#[test]
fn a_damaged_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    made(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 8192);
    bytes[4096..].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    refused(&path, &["damaged", "move the file"]);
    bytes[100..].fill(0x5A);
    std::fs::write(&path, &bytes).unwrap();
    refused(&path, &["damaged", "move the file"]);
}
