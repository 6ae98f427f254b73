//! The store that the settings ask for.

use std::sync::Arc;

use circuits::config::Config;
use circuits::extension::Extensions;
use circuits::store::{MemoryStore, Store, check_store, open_store};
use tracing::info;

/// Opens the store, if a side feature may want it.
pub(crate) async fn open(config: &Config, extensions: &Extensions) -> anyhow::Result<Arc<dyn Store>> {
    if !extensions.keep_records() {
        check_store(config).map_err(anyhow::Error::msg)?;
        return Ok(Arc::new(MemoryStore::default()));
    }
    let settings = config.settings();
    match settings.store.as_str() {
        "sqlite" => info!("Store: {}", settings.store_file.display()),
        kind => info!("Store: {kind}"),
    }
    open_store(config).await.map_err(|error| {
        // Log it too: the log may be all that an operator sees of a service.
        tracing::error!("{error}");
        anyhow::Error::msg(error)
    })
}
