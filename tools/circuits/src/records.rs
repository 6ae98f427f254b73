//! The book of events, deliveries and subscriptions, for commands beside a runner.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::bail;
use circuits::config::Config;
use circuits::redact::Redactor;
use circuits::store::{Store, open_store};
use circuits_events::book::{Book, StoredEvent};
use circuits_journal::SqliteStore;
use jiff::Timestamp;

use crate::overrides::Overrides;

/// The book in the store that the settings name, and a redactor that hides secrets in the output.
pub(crate) fn open(overrides: &Overrides) -> anyhow::Result<(Book, Redactor)> {
    let config = overrides.load()?;
    if config.settings().journal.is_none() {
        bail!("the journal is off (journal=off), so there are no events and no subscriptions");
    }
    Ok((Book::new(store(&config)?), Redactor::new(config.secrets())))
}

/// The book, unless no side feature has ever made the store, or nobody but the runner sees it.
pub(crate) fn open_if_made(overrides: &Overrides) -> anyhow::Result<Option<Book>> {
    let config = overrides.load()?;
    let settings = config.settings();
    match settings.store.as_str() {
        "memory" => Ok(None),
        "sqlite" if !settings.store_file.exists() => Ok(None),
        _ => Ok(Some(Book::new(store(&config)?))),
    }
}

/// The store that the settings name, beside a runner that may be at work on it.
pub(crate) fn store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let settings = config.settings();
    match settings.store.as_str() {
        "memory" => bail!(
            "the runner alone sees its store (store=memory), so there is nothing to show or change from outside"
        ),
        // It is not made here, where another user than the runner's may be at work.
        "sqlite" => drop(SqliteStore::schema(&settings.store_file)?),
        _ => {}
    }
    wait(open_store(config))
}

/// How many events are read at a time; some are as large as the messages that they tell of.
const PAGE: u32 = 100;

/// The events of a window, newest first, a page at a time: all of them may be more than memory should hold.
pub(crate) struct Pages<'a> {
    book: &'a Book,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Those of the last page that happened at `until`: the next page would begin with them again.
    seen: HashSet<String>,
}

impl<'a> Pages<'a> {
    /// Those after `since` and not after `until`.
    pub(crate) fn new(book: &'a Book, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { book, since, until, seen: HashSet::new() }
    }

    /// The next page; empty at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Vec<StoredEvent>> {
        let limit = PAGE.saturating_add(self.seen.len().try_into().unwrap_or(u32::MAX));
        let read = self.book.events(self.since, self.until, limit).await;
        let mut page = read.map_err(anyhow::Error::msg)?;
        page.retain(|event| !self.seen.contains(&event.key));
        if let Some(last) = page.last().map(|event| event.at) {
            if self.until != Some(last) {
                self.seen.clear();
            }
            self.until = Some(last);
            self.seen.extend(page.iter().filter(|event| event.at == last).map(|event| event.key.clone()));
        }
        Ok(page)
    }
}

/// Runs a call of the store to its end.
pub(crate) fn wait<T>(call: impl Future<Output = circuits::Result<T>>) -> anyhow::Result<T> {
    block_on(call).map_err(anyhow::Error::msg)
}

/// Runs this to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    // Without threads of its own there is nothing that the system could refuse.
    #[allow(clippy::expect_used, reason = "building it cannot fail")]
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime on this thread");
    runtime.block_on(work)
}
