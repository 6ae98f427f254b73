//! The log of events as the runner itself shows it: the same [`EventLog`] as for commands, on a connection of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits::history::{Details, Event, FailureCause, Filter, History, HistoryError, HistoryFuture};

use crate::blocking::Blocking;
use crate::events::EventLog;
use crate::schema::JOURNAL;
use crate::thread::Thread;

/// The history of an open journal. The file is opened when somebody first looks.
pub(crate) struct SqliteHistory {
    path: PathBuf,
    /// Closed before the writer's connection, which then brings everything into the file.
    log: Blocking<Option<EventLog>>,
    _thread: Arc<Thread>,
}

impl SqliteHistory {
    pub(crate) fn new(path: &Path, thread: Arc<Thread>) -> Self {
        Self { path: path.to_owned(), log: Blocking::new(path, &JOURNAL, None), _thread: thread }
    }

    fn with<'a, T: Send + 'static>(
        &'a self,
        work: impl FnOnce(&mut EventLog) -> Result<T, HistoryError> + Send + 'static,
    ) -> HistoryFuture<'a, T> {
        let path = self.path.clone();
        Box::pin(async move {
            let opened = move |log: &mut Option<EventLog>| match log {
                Some(log) => work(log),
                None => {
                    let opened = EventLog::open(&path);
                    let opened =
                        opened.map_err(|error| HistoryError::journal(circuits::Error::new(error)))?;
                    work(log.insert(opened))
                }
            };
            self.log.run(opened).await.map_err(HistoryError::journal)?
        })
    }
}

impl History for SqliteHistory {
    fn list<'a>(&'a self, filter: &'a Filter, limit: u32) -> HistoryFuture<'a, Vec<Event>> {
        let filter = filter.clone();
        self.with(move |log| log.list(&filter, limit))
    }

    fn find<'a>(&'a self, name: &'a str) -> HistoryFuture<'a, i64> {
        let name = name.to_owned();
        self.with(move |log| log.find(&name))
    }

    fn numbers(&self, ids: Vec<String>) -> HistoryFuture<'_, Vec<Option<i64>>> {
        self.with(move |log| log.numbers(&ids))
    }

    fn show(&self, number: i64) -> HistoryFuture<'_, Details> {
        self.with(move |log| log.show(number))
    }

    fn run_again(&self, number: i64) -> HistoryFuture<'_, i64> {
        self.with(move |log| log.run_again(number))
    }

    fn drop_dead(&self, number: i64) -> HistoryFuture<'_, ()> {
        self.with(move |log| log.drop_dead(number))
    }

    fn failures<'a>(&'a self, filter: &'a Filter) -> HistoryFuture<'a, Vec<FailureCause>> {
        let filter = filter.clone();
        self.with(move |log| log.failures(&filter))
    }
}
