//! The STOMP broker: queues in memory behind one short lock, one reader and one writer task per connection.
//! It imitates ActiveMQ 5.17 where STOMP leaves room.
mod connection;
mod frame;
mod message;
mod session;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use message::Publication;
pub use state::QueueStats;

use crate::invocation::Progress;
use crate::net::Accept;
use crate::platform::{Outgoing, Platform};
use crate::switches::Switches;
use crate::wait::until;
pub(crate) use message::bare;
use state::{Out, State};

/// The broker; connections and the sandbox share it.
pub(crate) struct Broker {
    state: Mutex<State>,
    /// Signalled after each change of a queue or a connection.
    changed: Notify,
    platform: Arc<Platform>,
    switches: Arc<Switches>,
    accept: Accept,
}

impl Broker {
    pub(crate) fn new(
        platform: Arc<Platform>,
        switches: Arc<Switches>,
        accept: Accept,
        port: u16,
    ) -> Arc<Self> {
        // Built as ActiveMQ builds it: host, port and start time. Colons follow, so every id needs escaping.
        let id_prefix = format!("ID:sandbox-{port}-{}", crate::clock::now_ms());
        let state = Mutex::new(State::new(id_prefix, platform.events.clone()));
        Arc::new(Self { state, changed: Notify::new(), platform, switches, accept })
    }

    /// Serves the listener until the sandbox stops.
    pub(crate) fn serve(self: &Arc<Self>, listener: tokio::net::TcpListener) {
        let broker = self.clone();
        self.accept
            .clone()
            .spawn(listener, Some(self.switches.clone()), move |tls| connection::serve(broker.clone(), tls));
    }

    /// The lock is held for the length of one frame and never across an await.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes those who watch it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.notify_waiters();
        outcome
    }

    pub(crate) fn publish(&self, publication: Publication, progress: Arc<Progress>) -> String {
        self.change(|state| state.publish(publication, progress))
    }

    /// Puts a message of the platform into its queue.
    pub(crate) fn send(&self, message: Outgoing) {
        let mut publication = Publication::to(&message.queue).body(message.body);
        for (name, value) in &message.headers {
            publication = publication.header(name, value);
        }
        self.publish(publication, message.progress);
    }

    pub(crate) fn stats(&self, queue: &str) -> QueueStats {
        self.lock().stats(bare(queue))
    }

    /// Waits until `holds` accepts the numbers of the queue.
    pub(crate) async fn until(&self, queue: &str, holds: impl Fn(QueueStats) -> bool) {
        until(&self.changed, || holds(self.stats(queue)).then_some(())).await;
    }

    pub(crate) fn cut_all(&self) {
        for link in self.lock().links.values() {
            link.stop.cancel();
        }
    }

    pub(crate) fn double(&self, count: usize) {
        self.lock().doubled += count;
    }

    pub(crate) fn error_all(&self, message: &str, close: bool) {
        let frame = session::error_frame(message, None);
        for link in self.lock().links.values() {
            let _ = link.out.send(Out::Frame(frame.clone()));
            if close {
                let _ = link.out.send(Out::Close);
            }
        }
    }

    /// Cuts all connections, accepts no new ones meanwhile, and loses what a crash loses: non-persistent messages.
    pub(crate) async fn restart(&self) {
        let refusing = self.switches.refusing();
        self.switches.set_refusing(true);
        self.cut_all();
        until(&self.changed, || self.lock().links.is_empty().then_some(())).await;
        self.change(State::forget_transient);
        self.switches.set_refusing(refusing);
    }
}
