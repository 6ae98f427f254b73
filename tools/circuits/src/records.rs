//! The book of events, deliveries and subscriptions, for commands beside a runner.

use std::sync::Arc;

use anyhow::Context as _;
use circuits::redact::Redactor;
use circuits_events::book::Book;
use circuits_journal::SqliteStore;

use crate::overrides::Overrides;

/// The book in the journal that the settings name, and a redactor that hides secrets in the output.
pub(crate) fn open(overrides: &Overrides) -> anyhow::Result<(Book, Redactor)> {
    let config = overrides.load()?;
    let journal = config.settings().journal.clone();
    let path =
        journal.context("the journal is off (journal=off), so there are no events and no subscriptions")?;
    let store = SqliteStore::open(&path)?;
    Ok((Book::new(Arc::new(store)), Redactor::new(config.secrets())))
}

/// Runs this to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    // Without threads of its own there is nothing that the system could refuse.
    #[allow(clippy::expect_used, reason = "building it cannot fail")]
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime on this thread");
    runtime.block_on(work)
}
