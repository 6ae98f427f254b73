//! One connection from CONNECTED to its end. Reader and writer are two independent halves of one task: reading never waits for
//! writing, and no write is ever cancelled while the connection lives.

mod pending;
mod reader;
mod refusal;
mod writer;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

use crate::connector::Established;
use crate::delivery::Delivery;
use crate::error::Error;
use crate::event::State;
use crate::options::{Host, Options};
use crate::shared::{Link, Shared};
use pending::Pending;

/// After a failed write or COMMIT, an ERROR that explains it may still arrive; we wait this long for it.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How a connection ended.
pub(crate) struct End {
    pub(crate) reason: Error,
    /// The broker confirmed our DISCONNECT.
    pub(crate) orderly: bool,
    /// An ERROR did not say which message it is about: the next connection asks for a receipt for each.
    pub(crate) nameless: bool,
    /// That ERROR names its cause, so we need not wait for another.
    explained: bool,
}

impl End {
    fn lost(reason: Error) -> Self {
        Self { reason, orderly: false, nameless: false, explained: true }
    }
}

/// What a new connection brings along.
pub(crate) struct Setup<'a> {
    pub(crate) host: &'a Host,
    pub(crate) epoch: u64,
    /// The previous connection ended with an ERROR that named no message.
    pub(crate) receipt_each: bool,
}

/// What both halves share.
struct Connection<'a> {
    shared: &'a Shared,
    options: &'a Options,
    deliveries: &'a mpsc::UnboundedSender<Delivery>,
    host: &'a Host,
    link: Link,
    server: String,
    /// SENDs that are written together share a receipt. ActiveMQ processes the frames of a connection in order, so its
    /// receipt for the last SEND covers all of them; RabbitMQ confirms in any order.
    ///
    /// One case is not covered: when a SEND without a receipt fails, ActiveMQ reports that from another thread, so the ERROR
    /// may come after the receipt of a later SEND. The failed SEND then counts as confirmed; the ERROR still ends the connection.
    share_receipts: bool,
    /// In a transaction the SEND asks for a receipt too, and we wait for both. RabbitMQ confirms a COMMIT whose SEND it refuses,
    /// so only the SEND's receipt proves success, and it comes after the COMMIT's. ActiveMQ must not be asked for it: there, a
    /// failed SEND with a receipt does not make the transaction fail, and the COMMIT would acknowledge without a reply.
    confirms_late: bool,
    /// Interim messages carry a receipt as well, so that an ERROR for one names it.
    receipt_on_posts: bool,
    pending: Mutex<Pending>,
    /// Notified when the broker has answered for every message of ours.
    idle: Notify,
    /// Subscriptions of the set-up that have not been answered yet; `None` once the set-up is published.
    unsettled: Mutex<Option<HashSet<String>>>,
}

/// Closes the link to a connection before the connection's own data is dropped, however it ends.
struct Closer<'a>(&'a Connection<'a>);

impl Drop for Closer<'_> {
    fn drop(&mut self) {
        self.0.link.fail(Error::closed(None));
        self.0.shared.disconnected();
    }
}

/// Runs a connection until it ends. `None`: the session was closed before anything happened on it.
pub(crate) async fn run(
    established: Established,
    setup: Setup<'_>,
    shared: &Shared,
    options: &Options,
    deliveries: &mpsc::UnboundedSender<Delivery>,
) -> Option<End> {
    let Established { io, codec, buffer, server, beat_send, beat_receive } = established;
    let (link, commands) = Link::new(setup.epoch, setup.host.clone());
    let first = shared.connected(link.clone())?;
    let share_receipts = server.starts_with("ActiveMQ/") && !setup.receipt_each;
    let connection = Connection {
        shared,
        options,
        deliveries,
        host: setup.host,
        link,
        confirms_late: server.starts_with("RabbitMQ/"),
        server,
        share_receipts,
        receipt_on_posts: setup.receipt_each,
        pending: Mutex::default(),
        idle: Notify::new(),
        unsettled: Mutex::new(Some(first.iter().map(|one| one.destination.clone()).collect())),
    };
    let (read_half, mut write_half) = tokio::io::split(io);
    let end = {
        let reader = reader::read(read_half, codec, buffer, beat_receive, &connection);
        let writer = writer::write(&mut write_half, commands, first, beat_send, &connection);
        tokio::pin!(reader, writer);
        let closer = Closer(&connection);
        connection.publish_when_settled();
        let end = tokio::select! {
            end = &mut reader => end,
            error = &mut writer => last_word(timeout(LAST_WORD, reader).await.ok(), error),
        };
        connection.refuse_doomed();
        connection.link.fail(end.reason.clone());
        drop(closer);
        end
    };
    if end.orderly {
        // The peer is gone or about to go; TLS says goodbye if it still can.
        let _ = timeout(LAST_WORD, write_half.shutdown()).await;
    }
    Some(end)
}

/// An ERROR that the broker sent says more than the write that failed after it.
fn last_word(read: Option<End>, write_error: Error) -> End {
    match read {
        Some(end) if end.nameless || end.orderly => end,
        _ => End::lost(write_error),
    }
}

impl Connection<'_> {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsettled(&self) -> MutexGuard<'_, Option<HashSet<String>>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_settled(&self) -> bool {
        self.unsettled().is_none()
    }

    /// A subscription of the set-up was answered, one way or the other.
    fn settle(&self, destination: &str) {
        if let Some(open) = self.unsettled().as_mut() {
            open.remove(destination);
        }
        self.publish_when_settled();
    }

    fn publish_when_settled(&self) {
        let done = self.unsettled().take_if(|open| open.is_empty()).is_some();
        if done {
            let subscriptions = self.shared.lock().registry.count_up();
            tracing::info!(host = %self.host, server = self.server, epoch = self.link.epoch, subscriptions, "Connected to the broker.");
            self.shared.state.send_replace(State::Connected {
                host: self.host.clone(),
                epoch: self.link.epoch,
                server: self.server.clone(),
                subscriptions,
            });
        }
    }

    fn ack_id(&self, headers: &crate::headers::Headers) -> Arc<str> {
        // STOMP 1.2 brokers must send `ack`; older ones take the message-id.
        headers.get("ack").or_else(|| headers.get("message-id")).unwrap_or_default().into()
    }

    fn lost(&self, what: &str) -> End {
        End::lost(Error::lost(format!("{}: {what}", self.host)))
    }

    fn lost_to(&self, what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> End {
        End::lost(Error::lost(format!("{}: {what}: {cause}", self.host)).because(cause))
    }
}

/// The time after which `beat` counts as missed.
fn deadline(last: Instant, beat: Option<Duration>, times: u32) -> Option<Instant> {
    beat.map(|beat| last + beat * times)
}

/// Sleeps until `at`, or forever.
async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
