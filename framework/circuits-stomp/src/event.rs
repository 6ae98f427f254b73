//! What the connection is doing, for callers to watch.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::options::Host;

/// The state of a session's connection. Watched through [`Session::state`](crate::Session::state); a slow watcher may miss
/// states that follow each other fast, but never the last one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// Trying `host`: name, TCP, TLS, CONNECT, subscriptions.
    Connecting {
        /// The broker that is tried.
        host: Host,
        /// Counts the tries since the last steady connection, from 1.
        attempt: u32,
    },
    /// Connected, and every registered subscription was confirmed again.
    Connected {
        /// The broker.
        host: Host,
        /// Counts the connections of this session, from 1.
        epoch: u64,
        /// The broker's `server` header, e.g. `ActiveMQ/5.17.2`; empty if it sent none.
        server: String,
        /// How many subscriptions were set up (again) by then.
        subscriptions: usize,
    },
    /// Not connected; the next try is due in `retry_in`.
    Disconnected {
        /// What ended the connection or the try.
        reason: Arc<Error>,
        /// How long until the next try.
        retry_in: Duration,
    },
    /// Not connected, and never will be: the session comes from [`Session::off`](crate::Session::off).
    Off,
    /// Over. No further state follows.
    Closed {
        /// The permanent refusal that ended the session before it was ever connected; `None` after
        /// [`Session::close`](crate::Session::close).
        reason: Option<Arc<Error>>,
    },
}
