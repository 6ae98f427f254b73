//! A store that lasts as long as the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Query, Record, Store, StoreFuture, Write};

/// Records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<HashMap<String, Table>>,
}

/// Rank and value by key.
type Table = BTreeMap<String, (i64, String)>;

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn select(&self, table: &str, query: &Query) -> Vec<Record> {
        let tables = self.lock();
        let Some(table) = tables.get(table) else { return Vec::new() };
        let prefix = query.prefix.as_deref().unwrap_or_default();
        let mut found: Vec<_> = table
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, (rank, _))| query.above.is_none_or(|above| *rank > above))
            .filter(|(_, (rank, _))| query.through.is_none_or(|through| *rank <= through))
            .map(|(key, (rank, value))| Record::new(key.clone(), *rank, value.clone()))
            .collect();
        found.sort_by(|a, b| (a.rank, &a.key).cmp(&(b.rank, &b.key)));
        if query.descending {
            found.reverse();
        }
        found
    }
}

fn done<'a, T: Send + 'a>(value: T) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, table: &'a str, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        let tables = self.lock();
        let found = tables.get(table).and_then(|table| table.get(key));
        done(found.map(|(rank, value)| Record::new(key, *rank, value.clone())))
    }

    fn list<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, Vec<Record>> {
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        done(self.select(table, query).into_iter().skip(query.offset as usize).take(limit).collect())
    }

    fn count<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, u64> {
        done(self.select(table, query).len() as u64)
    }

    fn apply(&self, changes: Vec<Write>) -> StoreFuture<'_, Vec<bool>> {
        let mut tables = self.lock();
        let changed = changes.into_iter().map(|change| match change {
            Write::Put(table, Record { key, rank, value }) => {
                tables.entry(table).or_default().insert(key, (rank, value));
                true
            }
            Write::Insert(table, Record { key, rank, value }) => {
                let table = tables.entry(table).or_default();
                let new = !table.contains_key(&key);
                table.entry(key).or_insert((rank, value));
                new
            }
            Write::Delete(table, key) => {
                let Some(there) = tables.get_mut(&table) else { return false };
                let gone = there.remove(&key).is_some();
                if there.is_empty() {
                    tables.remove(&table);
                }
                gone
            }
        });
        done(changed.collect())
    }
}
