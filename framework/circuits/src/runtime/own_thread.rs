//! A thread for an extension that has much to do beside the messages.

use tokio::sync::oneshot;
use tracing::{Span, error, warn};

/// Runs `work` on a thread that has a runtime to itself and is less urgent to the system than messages by this nice value (0 to 19);
/// resolves when it has ended. Work that panics ends the thread and nothing else.
///
/// `work` makes its future on that thread, so the future need not be `Send`.
pub async fn own_thread<Work: Future<Output = ()>>(
    name: &'static str,
    niceness: i32,
    work: impl FnOnce() -> Work + Send + 'static,
) {
    let (ended, end) = oneshot::channel();
    let span = Span::current();
    let run = move || {
        let _in_span = span.enter();
        // The thread's own: whoever handles messages comes first.
        if let Err(error) = rustix::process::nice(niceness) {
            warn!(%error, "The thread {name} is as urgent to the system as messages");
        }
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(work()),
            Err(error) => error!(%error, "The thread {name} has no runtime, so it does nothing"),
        }
        let _ = ended.send(());
    };
    match std::thread::Builder::new().name(name.to_owned()).spawn(run) {
        // It ends by itself, or the process does; a panic ends it too.
        Ok(_) => drop(end.await),
        Err(error) => error!(%error, "The thread {name} could not be started"),
    }
}
