//! What side features remember: records in tables, each with a key and a rank, in a file, in memory, or
//! wherever a linked crate keeps them ([`StoreKind`]).
//!
//! A table needs no declaration: it exists as long as it has a record. The rank orders the records of a table; usually it is
//! a time in milliseconds since 1970.

mod kind;
mod memory;

use std::future::Future;
use std::pin::Pin;

use crate::Result;

pub use kind::{OpenStore, StoreKind, check_store, open_store, store_kinds};
pub use memory::MemoryStore;

/// The future of a call of a store.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Unique in its table.
    pub key: String,
    /// Its place in the order of the table.
    pub rank: i64,
    /// What it holds; usually JSON.
    pub value: String,
}

impl Record {
    /// A record.
    pub fn new(key: impl Into<String>, rank: i64, value: impl Into<String>) -> Self {
        Self { key: key.into(), rank, value: value.into() }
    }
}

/// Which records of a table; by default all, lowest rank first, and among equal ranks by key.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Those whose key begins so.
    pub prefix: Option<String>,
    /// Those whose rank is greater: the begin of a window is not part of it.
    pub above: Option<i64>,
    /// Those whose rank is not greater: the end of a window is part of it.
    pub through: Option<i64>,
    /// Highest rank first.
    pub descending: bool,
    /// Without the first so many.
    pub offset: u32,
    /// At most so many; `None` means all.
    pub limit: Option<u32>,
}

/// A change of one record.
#[derive(Clone, Debug)]
pub enum Write {
    /// Makes or replaces the record.
    Put(String, Record),
    /// Makes the record unless there is one with its key.
    Insert(String, Record),
    /// Deletes the record with this key.
    Delete(String, String),
}

impl Write {
    /// [`Put`](Self::Put) into this table.
    pub fn put(table: impl Into<String>, record: Record) -> Self {
        Self::Put(table.into(), record)
    }

    /// [`Insert`](Self::Insert) into this table.
    pub fn insert(table: impl Into<String>, record: Record) -> Self {
        Self::Insert(table.into(), record)
    }

    /// [`Delete`](Self::Delete) from this table.
    pub fn delete(table: impl Into<String>, key: impl Into<String>) -> Self {
        Self::Delete(table.into(), key.into())
    }
}

/// Remembers records. A call has taken effect when its future resolves; what it changed survives the end of the process, unless
/// the store is in memory.
///
/// `circuits_testing::store_contract` checks all that is said here for a store of your own.
pub trait Store: Send + Sync + 'static {
    /// The record with this key.
    fn get<'a>(&'a self, table: &'a str, key: &'a str) -> StoreFuture<'a, Option<Record>>;

    /// The records that the query lets through.
    fn list<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, Vec<Record>>;

    /// How many records the query lets through, regardless of its offset and limit.
    fn count<'a>(&'a self, table: &'a str, query: &'a Query) -> StoreFuture<'a, u64>;

    /// Makes the changes in their order, all of them or none. Returns for each whether it changed anything.
    fn apply(&self, changes: Vec<Write>) -> StoreFuture<'_, Vec<bool>>;

    /// Resolves when all that was applied before survives a power cut too. A store for which that always holds leaves it as it is.
    fn flush(&self) -> StoreFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
