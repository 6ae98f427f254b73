//! The file's format: how it is made, recognised, and upgraded from older versions.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use circuits::private_file;
use rusqlite::{Connection, OpenFlags};

use crate::error::Fault;
use crate::files::{log_of, size};
use crate::lock::Lock;

/// A kind of file.
#[derive(Debug)]
pub(crate) struct Format {
    /// What messages call it.
    pub(crate) name: &'static str,
    /// The setting that names the file.
    pub(crate) key: &'static str,
    /// What to set to do without a file.
    pub(crate) without: &'static str,
    /// What becomes of the content when the file is moved away.
    pub(crate) replaced: &'static str,
    /// When the runner makes it.
    pub(crate) made: &'static str,
    /// Marks the file as ours (`application_id`).
    application: i32,
    /// Each raises the version of the schema (`user_version`) by one. Never change one that was released.
    migrations: &'static [&'static str],
}

pub(crate) static JOURNAL: Format = Format {
    name: "journal",
    key: "journal",
    without: "journal=off",
    replaced: "what the broker still has un-acknowledged is then handled as new, finished or not",
    made: "`circuits run` makes it",
    application: 0x4369_7263, // "Circ"
    migrations: MESSAGES,
};

pub(crate) static STORE: Format = Format {
    name: "store",
    key: "store_file",
    without: "store=memory",
    replaced: "subscriptions, and events that were not delivered yet, are lost with it",
    made: "`circuits run` makes it once webhooks, subscriptions or the like are configured, `circuits db sync` at once",
    application: 0x4369_7253, // "CirS"
    migrations: RECORDS,
};

const MESSAGES: &[&str] = &[
    "
    CREATE TABLE message (
        seq         INTEGER PRIMARY KEY, -- in the order of arrival
        id          TEXT    NOT NULL UNIQUE,
        destination TEXT    NOT NULL,
        rule        TEXT,
        incident    INTEGER,
        state       INTEGER NOT NULL DEFAULT 0, -- 0 to be handled, 1 finished, 2 settled
        attempts    INTEGER NOT NULL DEFAULT 0, -- begun and neither finished nor taken back
        arrived     INTEGER NOT NULL, -- this and the next three in ms since 1970
        started     INTEGER,
        finished    INTEGER,
        settled     INTEGER,
        outcome     INTEGER, -- 0 answered, 1 set aside
        settlement  INTEGER, -- 0 replied, 1 no address, 2 refused
        reply       TEXT
    ) STRICT;
    -- Apart, so that going through messages does not go through their bodies.
    CREATE TABLE content (
        seq     INTEGER PRIMARY KEY,
        headers TEXT NOT NULL, -- JSON: an array of name and value pairs
        body    BLOB -- NULL for one that was too large to keep
    ) STRICT;
",
    "
    ALTER TABLE message ADD COLUMN failed INTEGER; -- whether the reply is an error
    ALTER TABLE message ADD COLUMN rerun_of INTEGER; -- the seq of the message that this one runs again
    UPDATE message SET failed = reply ->> 'message_type' WHERE reply IS NOT NULL;
    CREATE TABLE step (
        seq  INTEGER NOT NULL, -- of the message
        n    INTEGER NOT NULL,
        at   INTEGER NOT NULL, -- ms since 1970
        kind INTEGER NOT NULL, -- 0 status, 1 call to the platform
        text TEXT    NOT NULL, -- of a call: method and path
        code INTEGER, -- what the platform answered
        took INTEGER, -- ms
        PRIMARY KEY (seq, n)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX by_arrival  ON message (arrived);
    CREATE INDEX by_rule     ON message (rule, arrived) WHERE rule IS NOT NULL;
    CREATE INDEX by_incident ON message (incident, arrived) WHERE incident IS NOT NULL;
    CREATE INDEX unsettled   ON message (arrived) WHERE state < 2;
    CREATE INDEX failures    ON message (arrived) WHERE failed = 1;
    CREATE INDEX reruns      ON message (rerun_of) WHERE rerun_of IS NOT NULL;
    CREATE INDEX asked_for   ON message (seq) WHERE rerun_of IS NOT NULL AND state < 2;
",
    "
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
        kind   TEXT    NOT NULL,
        at     INTEGER NOT NULL, -- ms since 1970
        nonce  TEXT    NOT NULL,
        seq    INTEGER, -- of the message that it is about
        data   TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX about ON outbox (seq) WHERE seq IS NOT NULL;
",
];

const RECORDS: &[&str] = &["
    CREATE TABLE record (
        tbl   TEXT    NOT NULL,
        key   TEXT    NOT NULL,
        rank  INTEGER NOT NULL,
        value TEXT    NOT NULL,
        PRIMARY KEY (tbl, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX by_rank ON record (tbl, rank, key);
"];

impl Format {
    /// The newest schema that this version knows.
    pub(crate) fn newest(&self) -> i32 {
        self.migrations.len() as i32
    }
}

/// How long another program may hold a lock on the file before a call fails.
const BUSY: Duration = Duration::from_secs(5);
/// Up to this size a file is read through when it is opened, which takes a fraction of a second.
const CHECKED: u64 = 64 << 20;
/// Pages (of 4 KiB) in the write-ahead log after which they are brought into the file.
const CHECKPOINT: i32 = 4000;
/// Bytes to which the write-ahead log is cut after an extraordinary load.
const WAL_KEPT: i64 = 64 << 20;

/// Opens the file for writing; makes it or brings it up to date if necessary.
pub(crate) fn open(path: &Path, format: &Format) -> Result<Connection, Fault> {
    // SQLite gives its companion files the mode of this one.
    let mut file = private_file().create(true).truncate(false).read(true).write(true).open(path)?;
    let size = file.metadata()?.len();
    if size > 0 {
        recognise(&mut file, format)?;
    }
    drop(file);
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY)?;
    if connection.is_readonly("main")? {
        return Err(Fault::ReadOnly);
    }
    if size == 0 {
        // Only possible while there is no table.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        // Set before there is a write-ahead log, so that it is in the file's header.
        connection.pragma_update(None, "application_id", format.application)?;
    }
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > format.newest() {
        return Err(Fault::Newer(version));
    }
    if size <= CHECKED {
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(Fault::Damaged(verdict));
        }
    }
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::NoWal);
    }
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&mut connection, format, version)?;
    Ok(connection)
}

/// The version of the schema of a file that a runner has made.
pub(crate) fn version(path: &Path, format: &Format) -> Result<i32, Fault> {
    let mut file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::Missing,
        _ => error.into(),
    })?;
    let version = recognise(&mut file, format)?;
    drop(file);
    // SQLite would make a log for itself and leave it behind, so it is asked only if there is one that may know better.
    if size(&log_of(path)) == 0 {
        return Ok(version);
    }
    Ok(reader(path)?.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// A second connection to a file that is open, for reading.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Opens a file that a runner has made, without taking it from a runner that may be at work on it.
pub(crate) fn visit(path: &Path, format: &Format) -> Result<Connection, Fault> {
    let mut file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::Missing,
        _ => error.into(),
    })?;
    recognise(&mut file, format)?;
    drop(file);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > format.newest() {
        return Err(Fault::Newer(version));
    }
    if version < format.newest() {
        // A runner that has it open is of the older version, and the schema must not change under its feet.
        let _lock = Lock::take(path)?;
        migrate(&mut connection, format, version)?;
    }
    Ok(connection)
}

/// Refuses a file that is not ours by its header (sqlite.org/fileformat.html, 1.3), before SQLite may tidy up in it. Returns
/// the version of the schema that the header names.
fn recognise(file: &mut File, format: &Format) -> Result<i32, Fault> {
    let mut header = [0; 72];
    let whole = file.read_exact(&mut header);
    if whole.is_err() || !header.starts_with(b"SQLite format 3\0") {
        return Err(Fault::Foreign("it is not an SQLite database".to_owned()));
    }
    let [.., e, f, g, h, _, _, _, _, a, b, c, d] = header;
    let application = i32::from_be_bytes([a, b, c, d]);
    if application != format.application {
        let owner = match [&JOURNAL, &STORE].into_iter().find(|other| other.application == application) {
            Some(other) => format!("it is a circuits {}", other.name),
            None => format!("it is the database of another program (application_id {application:#x})"),
        };
        return Err(Fault::Foreign(owner));
    }
    Ok(i32::from_be_bytes([e, f, g, h]))
}

fn migrate(connection: &mut Connection, format: &Format, version: i32) -> rusqlite::Result<()> {
    for (migration, reached) in format.migrations.iter().zip(1..).skip(version.try_into().unwrap_or(0)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", reached)?;
        transaction.commit()?;
    }
    Ok(())
}
