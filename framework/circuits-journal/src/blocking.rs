//! A connection that is used where it may block, for one caller at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::in_use;
use crate::schema::Format;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blocking {
    path: PathBuf,
    format: &'static Format,
    connection: Arc<Mutex<Connection>>,
}

impl Blocking {
    pub(crate) fn new(path: &Path, format: &'static Format, connection: Connection) -> Self {
        Self { path: path.to_owned(), format, connection: Arc::new(Mutex::new(connection)) }
    }

    /// Runs `work` where it may block: on the caller's thread if the caller has a runtime to itself, otherwise on another thread, which
    /// costs several times as much as what most calls do.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
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
        done.map_err(ends)?.map_err(|error| in_use(&self.path, self.format, &error))
    }
}

impl std::fmt::Debug for Blocking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocking").field("path", &self.path).finish_non_exhaustive()
    }
}
