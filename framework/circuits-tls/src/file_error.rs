//! A file of certificates or keys that cannot be used: which one, why, and what to do.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;

/// A file of certificates or keys cannot be used. `Display` names the file, the fault and the cure, and never shows what
/// the file holds.
#[derive(Debug)]
pub struct FileError {
    text: String,
    cure: String,
    source: Option<io::Error>,
}

impl FileError {
    pub(crate) fn new(text: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { text: text.into(), cure: cure.into(), source: None }
    }

    pub(crate) fn unreadable(what: &str, path: &Path, error: io::Error) -> Self {
        let cure = match error.kind() {
            io::ErrorKind::NotFound => "check the path",
            io::ErrorKind::PermissionDenied => "let the user that runs this process read it",
            _ => "name a file that this process can read",
        };
        let text = format!("the {what} {} cannot be read: {error}", path.display());
        Self { source: Some(error), ..Self::new(text, cure) }
    }

    /// The file and what is wrong with it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What to do about it.
    pub fn cure(&self) -> &str {
        &self.cure
    }

    /// There is no such file.
    pub fn is_missing(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.text, self.cure)
    }
}

impl StdError for FileError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Runs `read` on a thread where it does not hold up other tasks.
pub(crate) async fn apart<T: Send + 'static>(
    what: &str,
    path: &Path,
    read: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read(&owned)).await;
    read.unwrap_or_else(|_| Err(FileError::unreadable(what, path, io::Error::other("the process is ending"))))
}
