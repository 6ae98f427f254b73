//! The store `sqlite`: records of side features, in a file of their own. What is written there shares neither a thread nor a
//! write-ahead log with the journal, so no message waits for it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits::config::Config;
use circuits::store::{Query, Record, Store, StoreFuture, StoreKind, Write};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params, params_from_iter};

use crate::blocking::Blocking;
use crate::error::{Fault, OpenError};
use crate::files;
use crate::schema::{self, STORE};

circuits::register! {
    StoreKind::new("sqlite", |config| Box::pin(open(config))).about("in a file (store_file)")
}

async fn open(config: &Config) -> circuits::Result<Arc<dyn Store>> {
    let path = config.settings().store_file.clone();
    match tokio::task::spawn_blocking(move || SqliteStore::open(&path)).await {
        Ok(opened) => Ok(Arc::new(opened.map_err(circuits::Error::new)?)),
        Err(_) => Err(circuits::Error::new("the store was not opened: the process ends")),
    }
}

/// A store in a file. Several processes may have it open: the runner, and commands beside it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Blocking,
}

impl SqliteStore {
    /// Opens the file, which is made if it is missing (readable by its owner alone).
    ///
    /// # Errors
    /// When the file or its folder cannot be written, or the file is damaged or belongs to another program or a newer version.
    /// Nothing is changed in such a file.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let opened = || -> Result<_, Fault> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let connection = schema::open(path, &STORE)?;
            // What was written survives the end of the process; `flush` does the rest.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            Ok(connection)
        };
        let connection = opened().map_err(|fault| OpenError::new(path, &STORE, fault))?;
        Ok(Self { path: path.to_owned(), connection: Blocking::new(path, &STORE, connection) })
    }

    /// The schema of a store's file, and the newest that this version knows. Nothing is changed.
    ///
    /// # Errors
    /// When there is no file, or it is not a store.
    pub fn schema(path: &Path) -> Result<(i32, i32), OpenError> {
        let found = schema::version(path, &STORE).map_err(|fault| OpenError::new(path, &STORE, fault))?;
        Ok((found, STORE.newest()))
    }

    /// What to do with a file that is damaged.
    pub fn cure() -> String {
        STORE.replace()
    }

    /// Bytes in the file, without its write-ahead log.
    pub fn bytes(&self) -> u64 {
        files::size(&self.path)
    }

    /// Reads the whole file; returns what is wrong with it.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub async fn check(&self) -> circuits::Result<Vec<String>> {
        self.connection.with(|connection| files::faults(connection)).await
    }

    /// Brings everything from the write-ahead log into the file and onto the disk, so that the file alone can be copied.
    /// False if somebody who is reading or writing at the moment kept back a part of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn sync(&self) -> circuits::Result<bool> {
        self.connection.with(|connection| files::sync(connection)).await
    }
}

impl Store for SqliteStore {
    fn get<'a>(&'a self, table: &'a str, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        let (table, key) = (table.to_owned(), key.to_owned());
        Box::pin(self.connection.with(move |connection| {
            connection
                .prepare_cached("SELECT rank, value FROM record WHERE tbl = ?1 AND key = ?2")?
                .query_row([&table, &key], |row| Ok(Record::new(&key, row.get(0)?, row.get::<_, String>(1)?)))
                .optional()
        }))
    }

    fn list<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, Vec<Record>> {
        let (conditions, values) = conditions(table, query);
        let order = if query.descending { "rank DESC, key DESC" } else { "rank, key" };
        let limit = query.limit.map_or(-1, i64::from);
        let sql = format!(
            "SELECT key, rank, value FROM record WHERE {conditions} ORDER BY {order} LIMIT {limit} OFFSET {}",
            query.offset
        );
        Box::pin(self.connection.with(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                Ok(Record::new(row.get::<_, String>(0)?, row.get(1)?, row.get::<_, String>(2)?))
            })?;
            rows.collect()
        }))
    }

    fn count<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, u64> {
        let (conditions, values) = conditions(table, query);
        let sql = format!("SELECT count(*) FROM record WHERE {conditions}");
        Box::pin(self.connection.with(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_row(params_from_iter(values), |row| row.get::<_, u32>(0).map(u64::from))
        }))
    }

    fn apply(&self, changes: Vec<Write>) -> StoreFuture<'_, Vec<bool>> {
        Box::pin(self.connection.with(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = apply(&transaction, &changes)?;
            transaction.commit()?;
            Ok(changed)
        }))
    }

    fn flush(&self) -> StoreFuture<'_, ()> {
        let log = files::log_of(&self.path);
        Box::pin(async move {
            // All that was committed is in the write-ahead log, or was brought from there onto the disk (sqlite.org/wal.html).
            let synced = move || File::open(&log)?.sync_data();
            let done = tokio::task::spawn_blocking(synced).await;
            let done =
                done.map_err(|_| circuits::Error::new("the store was not flushed: the process ends"))?;
            done.map_err(|error| {
                circuits::Error::new(format_args!(
                    "the store {} could not be brought onto the disk: {error}. Look at its disk",
                    self.path.display()
                ))
            })
        })
    }
}

/// Makes the changes within a transaction.
fn apply(connection: &Connection, changes: &[Write]) -> rusqlite::Result<Vec<bool>> {
    let put = |or: &str, table: &str, record: &Record| {
        connection
            .prepare_cached(&format!(
                "INSERT OR {or} INTO record (tbl, key, rank, value) VALUES (?1, ?2, ?3, ?4)"
            ))?
            .execute(params![table, record.key, record.rank, record.value])
    };
    let change = |change: &Write| {
        let changed = match change {
            Write::Put(table, record) => put("REPLACE", table, record)?,
            Write::Insert(table, record) => put("IGNORE", table, record)?,
            Write::Delete(table, key) => connection
                .prepare_cached("DELETE FROM record WHERE tbl = ?1 AND key = ?2")?
                .execute([table, key])?,
        };
        Ok(changed > 0)
    };
    changes.iter().map(change).collect()
}

fn conditions(table: &str, query: &Query) -> (String, Vec<Value>) {
    let (mut conditions, mut values) = (vec!["tbl = ?"], vec![Value::Text(table.to_owned())]);
    if let Some(prefix) = query.prefix.as_ref().filter(|prefix| !prefix.is_empty()) {
        // The greatest character there is ends the range of keys that begin so.
        conditions.push("key >= ? AND key < ?");
        values.push(Value::Text(prefix.clone()));
        values.push(Value::Text(format!("{prefix}\u{10FFFF}")));
    }
    for (condition, rank) in [("rank > ?", query.above), ("rank <= ?", query.through)] {
        if let Some(rank) = rank {
            conditions.push(condition);
            values.push(Value::Integer(rank));
        }
    }
    (conditions.join(" AND "), values)
}
