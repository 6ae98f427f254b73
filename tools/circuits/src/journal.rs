//! The journal that the settings ask for.

use std::sync::Arc;

use circuits::Runner;
use circuits::config::Settings;
use circuits_journal::{Options, SqliteJournal};
use tracing::info;

/// Opens the journal, or none if it is off.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<Option<SqliteJournal>> {
    let Some(path) = &settings.journal else {
        info!("Journal: off (messages are remembered until the process ends)");
        return Ok(None);
    };
    info!("Journal: {}", path.display());
    let options = Options::new(path).keep(settings.journal_keep).max_bytes(settings.journal_max_bytes);
    SqliteJournal::open(&options).map(Some).map_err(|error| {
        // Log it too: the log may be all that an operator sees of a service.
        tracing::error!("{error}");
        error.into()
    })
}

/// Returns the runner with this journal, if there is one.
pub(crate) fn give(runner: Runner, journal: Option<SqliteJournal>) -> Runner {
    match journal {
        Some(journal) => runner.journal(Arc::new(journal)),
        None => runner,
    }
}
