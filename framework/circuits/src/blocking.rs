//! Runs code that blocks its thread (a database driver, a slow parse, a command) away from the threads that everything shares.

use tracing::Span;

use crate::{Error, Result};

/// Runs `work` on a pool of threads for blocking code (512 at most), with the log fields of the action, and waits for its
/// result. A panic becomes an error.
///
/// A thread cannot be stopped: when the handler is stopped, because its time is up or the runner shuts down, `work` runs on
/// unseen. Long work should ask [`Action::is_cancelled`](crate::Action::is_cancelled) between its steps:
///
/// ```
/// # use circuits::prelude::*;
/// async fn import(action: Action) -> Result<Reply> {
///     let rows = circuits::blocking({
///         let action = action.clone();
///         move || {
///             let mut rows = 0;
///             while rows < 10_000 && !action.is_cancelled() {
///                 rows += 100; // one step of the import
///             }
///             Ok(rows)
///         }
///     });
///     Ok(Reply::completed(format!("{} rows", rows.await?)))
/// }
/// ```
///
/// # Errors
/// The error of `work`, or its panic.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let span = Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(format_args!("The blocking work panicked: {}", panic_text(error)))),
    }
}

/// The text with which a task panicked.
pub(crate) fn panic_text(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no text".to_owned()),
        Err(_) => "its task was cancelled".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_errors_and_panics_come_back() {
        assert_eq!(blocking(|| Ok(7)).await.unwrap(), 7);
        let error = blocking(|| Err::<(), _>(Error::new("no table"))).await.unwrap_err();
        assert_eq!(error.to_string(), "no table");
        let error = blocking(|| -> Result<()> { panic!("index out of range") }).await.unwrap_err();
        assert_eq!(error.to_string(), "The blocking work panicked: index out of range");
    }
}
