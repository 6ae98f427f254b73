//! The records of side features, in the file of the journal. Reading has a connection of its own; writing goes through the
//! journal's thread, behind the calls of messages, so that it never makes them wait for a lock.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use circuits::store::{Query, Record, Store, StoreFuture, Write};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params, params_from_iter};

use crate::error::{OpenError, in_use};
use crate::schema;
use crate::store::{Call, Told};
use crate::thread::Thread;

/// A store in the file of a journal. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) path: PathBuf,
    /// Closed before the writer's connection, which then brings everything into the file.
    reader: Arc<Mutex<Connection>>,
    /// The journal's thread; `None` beside a runner, where the connection writes too.
    writer: Option<Arc<Thread>>,
}

impl SqliteStore {
    /// Opens the store in the file of a journal that a runner has made. A runner may be at work on it.
    ///
    /// # Errors
    /// When there is no file, when it is not a journal, or when it is one of another version that a runner has open.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = schema::visit(path).map_err(|fault| OpenError::new(path, fault))?;
        Ok(Self::on(path, connection, None))
    }

    /// The store of a journal that is open, whose thread takes what is written.
    pub(crate) fn on(path: &Path, reader: Connection, writer: Option<Arc<Thread>>) -> Self {
        Self { path: path.to_owned(), reader: Arc::new(Mutex::new(reader)), writer }
    }

    /// Runs `work` where it may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> circuits::Result<T> {
        let reader = Arc::clone(&self.reader);
        let read = move || work(&mut reader.lock().unwrap_or_else(PoisonError::into_inner));
        let done = tokio::task::spawn_blocking(read).await;
        let done =
            done.map_err(|_| circuits::Error::new("the journal could not be read: the process ends"))?;
        done.map_err(|error| in_use(&self.path, &error))
    }
}

impl Store for SqliteStore {
    fn get<'a>(&'a self, table: &'a str, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        let (table, key) = (table.to_owned(), key.to_owned());
        Box::pin(self.read(move |connection| {
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
        Box::pin(self.read(move |connection| {
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
        Box::pin(self.read(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_row(params_from_iter(values), |row| row.get::<_, u32>(0).map(u64::from))
        }))
    }

    fn apply(&self, changes: Vec<Write>) -> StoreFuture<'_, Vec<bool>> {
        Box::pin(async move {
            if let Some(writer) = &self.writer {
                return match writer.call_behind(Call::Write(changes)).await? {
                    Told::Changed(changed) => Ok(changed),
                    _ => Ok(Vec::new()),
                };
            }
            self.read(move |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let changed = apply(&transaction, &changes)?;
                transaction.commit()?;
                Ok(changed)
            })
            .await
        })
    }
}

/// Makes the changes within a transaction.
pub(crate) fn apply(connection: &Connection, changes: &[Write]) -> rusqlite::Result<Vec<bool>> {
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

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}
