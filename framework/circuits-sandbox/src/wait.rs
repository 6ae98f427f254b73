//! Waiting for a condition without polling: look, and look again after each signal.
use tokio::sync::Notify;

/// Waits until `look` finds something. Signals between looking and waiting are not lost.
pub(crate) async fn until<T>(changed: &Notify, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        let signal = changed.notified();
        tokio::pin!(signal);
        signal.as_mut().enable();
        if let Some(found) = look() {
            return found;
        }
        signal.await;
    }
}
