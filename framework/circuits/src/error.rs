//! The one error type that handlers and component constructors return: opaque, with a message for the analyst and a
//! source for the log. Any standard error converts into it with `?`.

use std::error::Error as StdError;
use std::fmt;

/// What a handler or a component constructor returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a handler or a component could not do its work.
///
/// `Display` is what the analyst reads in the Action Status dialog, so it names the thing and the cure.
/// Like `anyhow::Error`, it does not implement [`std::error::Error`], which is what lets `?` convert every other error.
pub struct Error {
    message: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with a text for the analyst.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: Some(message.to_string()), source: None }
    }

    /// Puts a sentence in front of this error: what was being done when it happened.
    #[must_use]
    pub fn context(self, what: impl fmt::Display) -> Self {
        Self { message: Some(format!("{what}: {self}")), source: self.source }
    }

    /// The error underneath, if there is one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }

    /// The error underneath if it is an `E`, for instance a REST error whose status a handler wants to know.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.source()?.downcast_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.message, &self.source) {
            (Some(message), _) => f.write_str(message),
            (None, Some(source)) => write!(f, "{source}"),
            (None, None) => f.write_str("Processing failed"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = self.source().and_then(StdError::source);
        while let Some(cause) = source {
            write!(f, "; caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(source: E) -> Self {
        Self { message: None, source: Some(Box::new(source)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read() -> Result<String> {
        Ok(std::fs::read_to_string("/no/such/file")?)
    }

    #[test]
    fn question_mark_keeps_the_source() {
        let error = read().unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
        assert!(error.downcast_ref::<std::io::Error>().is_some());
    }

    #[test]
    fn context_comes_first() {
        let error = read().unwrap_err().context("reading reference_file");
        assert!(error.to_string().starts_with("reading reference_file: No such file"), "{error}");
    }
}
