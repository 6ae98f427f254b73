//! The kinds of store that are linked into this binary, and the one that app.config asks for.

use std::sync::Arc;

use super::{MemoryStore, Store, StoreFuture};
use crate::config::{Config, hint};
use crate::{Error, Result};

/// Opens the store that the settings describe.
pub type OpenStore = fn(&Config) -> StoreFuture<'_, Arc<dyn Store>>;

/// A kind of store, which `store=<name>` in app.config chooses; const, so that [`register!`](crate::register) can place it at
/// link time.
///
/// ```
/// use std::sync::Arc;
///
/// use circuits::store::{MemoryStore, StoreKind};
///
/// circuits::register! { StoreKind::new("scratch", |_| Box::pin(async { Ok(Arc::new(MemoryStore::default()) as _) })) }
/// ```
#[derive(Debug)]
pub struct StoreKind {
    name: &'static str,
    about: &'static str,
    open: OpenStore,
}

inventory::collect!(StoreKind);

crate::register! {
    StoreKind::new("memory", |_| Box::pin(async { Ok(Arc::new(MemoryStore::default()) as _) }))
        .about("until the process ends")
}

impl StoreKind {
    /// A kind with its name. `open` is called once, before the runner connects, and only if a side feature wants a store; it may read
    /// a section of its own in app.config.
    pub const fn new(name: &'static str, open: OpenStore) -> Self {
        Self { name, about: "", open }
    }

    /// Where it keeps records, in a few words: `circuits list` shows them.
    #[must_use]
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it keeps records; empty if it does not say.
    pub fn purpose(&self) -> &'static str {
        self.about
    }
}

/// Every linked kind, sorted by name.
pub fn store_kinds() -> Vec<&'static StoreKind> {
    let mut all: Vec<_> = inventory::iter::<StoreKind>.into_iter().collect();
    all.sort_by_key(|kind| kind.name);
    all
}

/// The kind that the settings ask for.
///
/// # Errors
/// When no linked kind has that name.
fn chosen(config: &Config) -> Result<&'static StoreKind> {
    let (name, all) = (&config.settings().store, store_kinds());
    if let Some(kind) = all.iter().find(|kind| kind.name == name) {
        return Ok(kind);
    }
    let names: Vec<_> = all.iter().map(|kind| kind.name).collect();
    Err(Error::new(format_args!(
        "[resilient] store={name}: no linked crate has a store of this kind{}. Linked are: {}. Correct it, or link the crate with \
         `use <crate> as _;`",
        hint(name, names.iter().copied()),
        names.join(", ")
    )))
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
