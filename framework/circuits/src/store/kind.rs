//! The kinds of store that are linked into this binary, and the one that app.config asks for.

use std::sync::Arc;

use super::{MemoryStore, Store, StoreFuture};
use crate::Result;
use crate::config::Config;
use crate::kind::{Kind, find, sorted};

/// Opens the store that the settings describe. It is called once, before the runner connects, and only if a side feature keeps
/// records; it may read a section of its own in app.config.
pub type OpenStore = fn(&Config) -> StoreFuture<'_, Arc<dyn Store>>;

/// A kind of store, which `store=<name>` in app.config chooses.
///
/// ```
/// use std::sync::Arc;
///
/// use circuits::store::{MemoryStore, StoreKind};
///
/// circuits::register! { StoreKind::new("scratch", |_| Box::pin(async { Ok(Arc::new(MemoryStore::default()) as _) })) }
/// ```
pub type StoreKind = Kind<OpenStore>;

inventory::collect!(StoreKind);

crate::register! {
    StoreKind::new("memory", |_| Box::pin(async { Ok(Arc::new(MemoryStore::default()) as _) }))
        .about("until the process ends")
}

/// Every linked kind, sorted by name.
pub fn store_kinds() -> Vec<&'static StoreKind> {
    sorted(inventory::iter::<StoreKind>.into_iter())
}

/// The kind that the settings ask for.
fn chosen(config: &Config) -> Result<&'static StoreKind> {
    let name = &config.settings().store;
    find(&store_kinds(), name, format_args!("store={name}: no linked crate has a store of this kind"))
}

/// Looks whether a linked crate has the kind of store that the settings ask for.
///
/// # Errors
/// When none has it.
pub fn check_store(config: &Config) -> Result<()> {
    chosen(config).map(drop)
}

/// Opens the store that the settings ask for.
///
/// # Errors
/// When no linked kind has the name, or the store cannot be opened; each names the cure.
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>> {
    (chosen(config)?.open)(config).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn open(store: &str) -> Result<Arc<dyn Store>> {
        let text = format!("[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\nstore={store}\n");
        open_store(&Config::from_text(&text).unwrap()).await
    }

    #[tokio::test]
    async fn a_kind_is_chosen_by_name() {
        open("memory").await.unwrap();
        let error = open("memroy").await.err().unwrap().to_string();
        assert!(error.contains("store=memroy") && error.contains("did you mean `memory`?"), "{error}");
        assert!(error.contains("Linked are: memory"), "{error}");
    }
}
