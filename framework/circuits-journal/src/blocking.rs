//! A connection that is used where it may block, for one caller at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::in_use;
use crate::schema::Format;

/// A connection, or what owns one. Cheap to clone.
pub(crate) struct Blocking<C = Connection> {
    path: PathBuf,
    format: &'static Format,
    connection: Arc<Mutex<C>>,
}

impl<C: Send + 'static> Blocking<C> {
    pub(crate) fn new(path: &Path, format: &'static Format, connection: C) -> Self {
        Self { path: path.to_owned(), format, connection: Arc::new(Mutex::new(connection)) }
    }

    /// Runs `work` where it may block: on the caller's thread if the caller has a runtime to itself, otherwise on another thread, which
    /// costs several times as much as what most calls do.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut C) -> T + Send + 'static,
    ) -> circuits::Result<T> {
        let connection = Arc::clone(&self.connection);
        let done = move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner));
        let done = match Handle::current().runtime_flavor() {
            RuntimeFlavor::CurrentThread => Ok(done()),
            _ => tokio::task::spawn_blocking(done).await,
        };
        let ends = |_| {
            circuits::Error::new(format_args!("the {} was not asked: the process ends", self.format.name))
        };
        done.map_err(ends)
    }
}

impl Blocking {
    /// The same for work that can fail.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> circuits::Result<T> {
        self.run(work).await?.map_err(|error| in_use(&self.path, self.format, &error))
    }
}

impl<C> Clone for Blocking<C> {
    fn clone(&self) -> Self {
        Self { path: self.path.clone(), format: self.format, connection: Arc::clone(&self.connection) }
    }
}

impl<C> std::fmt::Debug for Blocking<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocking").field("path", &self.path).finish_non_exhaustive()
    }
}
