//! Faults on demand: a test switches them on to see how a client copes.
use std::sync::Arc;
use std::time::Duration;

use crate::broker::Broker;
use crate::platform::Platform;
use crate::switches::Switches;

/// The fault switches of one sandbox; get it from [`crate::Sandbox::faults`]. Each takes effect at once.
#[derive(Clone)]
pub struct Faults {
    pub(crate) switches: Arc<Switches>,
    pub(crate) platform: Arc<Platform>,
    pub(crate) broker: Option<Arc<Broker>>,
}

impl Faults {
    /// Cuts every STOMP connection without notice, as a lost network does. Their un-acked messages are redelivered.
    pub fn drop_connections(&self) {
        if let Some(broker) = &self.broker {
            broker.cut_all();
        }
    }

    /// Queues each of the next `count` messages twice with the same id, as a broker may do after a crash.
    pub fn double_messages(&self, count: usize) {
        if let Some(broker) = &self.broker {
            broker.double(count);
        }
    }

    /// While `true`, closes each new STOMP connection before the TLS handshake.
    pub fn refuse_connections(&self, refuse: bool) {
        self.switches.set_refusing(refuse);
    }

    /// While `true`, the broker keeps its sockets open but neither reads nor writes, heart-beats included.
    pub fn stall(&self, stall: bool) {
        self.switches.set_stalled(stall);
    }

    /// Holds back each STOMP frame, in both directions, for `delay` of tokio's clock; zero ends it.
    pub fn delay_frames(&self, delay: Duration) {
        self.switches.set_delay(delay);
    }

    /// Sends an ERROR frame with this `message` on every STOMP connection, and closes them if `close`.
    pub fn send_error(&self, message: &str, close: bool) {
        if let Some(broker) = &self.broker {
            broker.error_all(message, close);
        }
    }

    /// While `true`, the broker sends no heart-beats, whatever was negotiated.
    pub fn stop_heart_beats(&self, stop: bool) {
        self.switches.set_silent(stop);
    }

    /// Swallows the next `count` RECEIPT frames; the requests that they answer are carried out.
    pub fn drop_receipts(&self, count: u32) {
        self.switches.drop_receipts(count);
    }

    /// Arms a REST fault. Several are tried in the order in which they were armed; the first that matches is used.
    pub fn rest(&self, fault: RestFault) {
        self.switches.add_rest(fault);
    }

    /// Disarms all REST faults.
    pub fn clear_rest(&self) {
        self.switches.clear_rest();
    }

    /// Ends all password sessions: their cookies answer 401 until the next log-in.
    pub fn expire_sessions(&self) {
        self.platform.lock().accounts.close_sessions();
    }
}

/// One REST fault: which requests it hits, how often, and what those get instead of their answer.
///
/// A request that is hit has no effect on the platform, and is recorded like any other.
#[derive(Clone, Debug)]
pub struct RestFault {
    method: String,
    path: String,
    left: u32,
    pub(crate) effect: Effect,
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Status { status: u16, retry_after: Option<u64> },
    Hang,
}

impl RestFault {
    /// Answers with `status` once, for requests of `method` (`*` for any) whose path contains `path`.
    pub fn status(method: &str, path: &str, status: u16) -> Self {
        let effect = Effect::Status { status, retry_after: None };
        Self { method: method.to_ascii_uppercase(), path: path.to_owned(), left: 1, effect }
    }

    /// Leaves one request of `method` (`*` for any) whose path contains `path` without an answer.
    pub fn hang(method: &str, path: &str) -> Self {
        Self { effect: Effect::Hang, ..Self::status(method, path, 0) }
    }

    /// Hits this many requests instead of one.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.left = count;
        self
    }

    /// Adds a `Retry-After` header of this many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let Effect::Status { retry_after, .. } = &mut self.effect {
            *retry_after = Some(seconds);
        }
        self
    }

    pub(crate) fn matches(&self, method: &str, path: &str) -> bool {
        self.left > 0 && (self.method == "*" || self.method == method) && path.contains(&self.path)
    }

    /// Counts down one hit; true when none is left.
    pub(crate) fn count_off(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }
}
