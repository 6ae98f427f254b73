//! What goes through a session: deliveries in, messages out, and the token that ties an acknowledgement to its connection.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::headers::Headers;
use crate::shared::Shared;

/// A queue to consume from. Sent as `SUBSCRIBE` with `ack:client-individual`; the destination is its own `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The destination exactly as it goes to the broker, e.g. `actions.201.greet`.
    pub destination: String,
    /// How many unacknowledged messages the broker may push (`activemq.prefetchSize` and `prefetch-count`).
    pub prefetch: u32,
}

/// The right to acknowledge one delivery, once, on the connection that brought it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AckToken {
    pub(crate) epoch: u64,
    pub(crate) id: Arc<str>,
}

impl AckToken {
    /// A token for a message whose acknowledgement no broker waits for: spending it does nothing and always succeeds.
    pub fn nothing() -> Self {
        Self { epoch: NOTHING, id: "".into() }
    }

    /// Whether both deliveries came over the same connection.
    pub fn is_of_same_connection(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.epoch == NOTHING
    }
}

/// The epochs of connections count from 1.
const NOTHING: u64 = 0;

/// One MESSAGE.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Hand this to [`Session::ack`](crate::Session::ack) once the effect is safe.
    pub token: AckToken,
    /// The destination that was subscribed to (not the queue's own spelling, which is the `destination` header).
    pub subscription: String,
    /// All headers, unescaped.
    pub headers: Headers,
    /// The body as sent; empty when it was skipped (see `flaw`).
    pub body: Bytes,
    /// The broker says that it delivered this message before. ActiveMQ and RabbitMQ both set the header `redelivered`.
    pub redelivered: bool,
    /// What is wrong with the frame, if anything. Such a delivery has to be answered and acknowledged like any other, or
    /// the broker delivers it again forever.
    pub flaw: Option<Flaw>,
}

/// Why a delivery is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The body was skipped, unread.
    BodyTooBig {
        /// Its size.
        bytes: u64,
        /// The limit it exceeds, [`Options::max_body`](crate::Options::max_body).
        limit: usize,
    },
    /// Only the headers that fit were kept, and those needed to answer and acknowledge.
    HeaderTooBig {
        /// Size of the header block.
        bytes: u64,
        /// The limit it exceeds, [`Options::max_header`](crate::Options::max_header).
        limit: usize,
    },
    /// A header that every MESSAGE must have is missing.
    HeaderMissing {
        /// Its name.
        name: &'static str,
    },
    /// A header is not UTF-8; its unreadable bytes became U+FFFD.
    HeaderNotUtf8 {
        /// The name of the first such header, as far as it is readable.
        name: String,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyTooBig { bytes, limit } => {
                write!(f, "the body has {bytes} bytes, the limit is {limit}: it was skipped")
            }
            Self::HeaderTooBig { bytes, limit } => {
                write!(f, "the headers have {bytes} bytes, the limit is {limit}: they were cut")
            }
            Self::HeaderMissing { name } => write!(f, "the message has no {name} header"),
            Self::HeaderNotUtf8 { name } => write!(f, "the header {name:?} is not UTF-8"),
        }
    }
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The destination exactly as it goes to the broker.
    pub destination: String,
    /// Further headers, unescaped. `destination`, `content-length`, `persistent`, `receipt` and `transaction` belong to the
    /// session and are left out if named here.
    pub headers: Vec<(String, String)>,
    /// The body; `content-length` is always sent with it.
    pub body: Bytes,
}

/// The receiving end of a session. Drop it only together with the session: messages that arrive without it stay
/// unacknowledged at the broker.
pub struct Deliveries {
    pub(crate) queue: UnboundedReceiver<Delivery>,
    pub(crate) shared: Arc<Shared>,
}

impl Deliveries {
    /// The next delivery; `None` once the session is closed. Cancel safe.
    ///
    /// A delivery whose connection is gone by now is left out: its token is worthless and the broker delivers it again.
    pub async fn recv(&mut self) -> Option<Delivery> {
        loop {
            let delivery = self.queue.recv().await?;
            if self.shared.is_live(delivery.token.epoch) {
                return Some(delivery);
            }
        }
    }

    /// Appends up to `limit` deliveries to `buffer` and returns how many; waits for the first and takes the rest only if they
    /// are there already. Zero once the session is closed (or for a `limit` of zero). Cancel safe.
    pub async fn recv_many(&mut self, buffer: &mut Vec<Delivery>, limit: usize) -> usize {
        let before = buffer.len();
        while limit > 0 && self.queue.recv_many(buffer, limit).await > 0 {
            let mut index = 0;
            buffer.retain(|delivery| {
                index += 1;
                index <= before || self.shared.is_live(delivery.token.epoch)
            });
            if buffer.len() > before {
                break;
            }
        }
        buffer.len() - before
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").field("waiting", &self.queue.len()).finish()
    }
}
