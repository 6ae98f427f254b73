//! One message on a queue, with its headers encoded once, and the builder that tests publish with.
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::put_header;
use crate::invocation::Progress;

/// A message for [`crate::Sandbox::publish`]: any headers and any bytes, valid or broken.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    pub(crate) queue: String,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    omitted: Vec<String>,
    body: Bytes,
    pub(crate) persistent: bool,
}

impl Publication {
    /// An empty persistent message for `queue` (with or without `/queue/` in front).
    pub fn to(queue: &str) -> Self {
        Self { queue: bare(queue).to_owned(), persistent: true, ..Self::default() }
    }

    /// Adds a header; it is escaped on the wire. The bytes need not be UTF-8, the value may be empty.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Leaves out a header that the broker itself would add, such as `message-id` or `timestamp`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.omitted.push(name.to_owned());
        self
    }

    /// Makes the message non-persistent: lost when the broker restarts, dropped when it is refused (NACK).
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.persistent = false;
        self
    }
}

/// A queue name without the optional `/queue/`.
pub(crate) fn bare(destination: &str) -> &str {
    destination.strip_prefix("/queue/").unwrap_or(destination)
}

/// A message as the broker keeps it.
pub(crate) struct Message {
    /// Order of arrival in the whole broker.
    pub(crate) seq: u64,
    pub(crate) id: String,
    /// The header lines that are the same in every delivery, escaped.
    head: Bytes,
    pub(crate) body: Bytes,
    pub(crate) persistent: bool,
    /// Shared with the invocation it belongs to, if any.
    pub(crate) progress: Arc<Progress>,
}

/// One message on its way to one subscription.
pub(crate) struct Delivery {
    pub(crate) message: Arc<Message>,
    /// The value to acknowledge with; `None` in mode `auto`.
    pub(crate) ack: Option<String>,
    pub(crate) subscription: Arc<str>,
    pub(crate) queue: Arc<str>,
    pub(crate) redelivered: bool,
}

/// Headers that the broker writes itself, or that concern only the frame that brought the message.
const OWN: [&[u8]; 6] =
    [b"destination", b"message-id", b"ack", b"subscription", b"redelivered", b"content-length"];

impl Message {
    pub(crate) fn new(seq: u64, id: String, publication: Publication, progress: Arc<Progress>) -> Self {
        let Publication { headers, omitted, body, persistent, .. } = publication;
        let omitted = |name: &[u8]| omitted.iter().any(|o| o.as_bytes() == name);
        let mut head = BytesMut::with_capacity(512);
        if !omitted(b"message-id") {
            put_header(&mut head, b"message-id", id.as_bytes());
        }
        let given = |name: &[u8]| headers.iter().any(|(n, _)| n == name);
        // JMS sets these on every message; ActiveMQ shows them (recorded headers of the platform).
        let now = crate::clock::now_ms().to_string();
        for (name, value) in [("expires", "0"), ("priority", "4"), ("timestamp", now.as_str())] {
            if !given(name.as_bytes()) && !omitted(name.as_bytes()) {
                put_header(&mut head, name.as_bytes(), value.as_bytes());
            }
        }
        if persistent && !given(b"persistent") {
            put_header(&mut head, b"persistent", b"true");
        }
        for (name, value) in headers.iter().filter(|(name, _)| !OWN.contains(&name.as_slice())) {
            put_header(&mut head, name, value);
        }
        // ActiveMQ sends a content-length for bytes messages only; the platform's JSON is text and comes without one.
        // A body with NUL would be cut, so it always gets one.
        if given(b"content-length") || memchr::memchr(0, &body).is_some() {
            put_header(&mut head, b"content-length", body.len().to_string().as_bytes());
        }
        Self { seq, id, head: head.freeze(), body, persistent, progress }
    }

    /// The copy that goes to the dead letter queue: the same message with a note of the queue it came from.
    pub(crate) fn dead(&self, seq: u64, queue: &str) -> Self {
        let mut head = BytesMut::from(self.head.as_ref());
        put_header(&mut head, b"original-destination", format!("/queue/{queue}").as_bytes());
        let (id, body, progress) = (self.id.clone(), self.body.clone(), Arc::default());
        Self { seq, id, head: head.freeze(), body, persistent: self.persistent, progress }
    }

    /// Appends the MESSAGE frame of one delivery.
    pub(crate) fn write(&self, out: &mut BytesMut, delivery: &Delivery) {
        out.reserve(self.head.len() + self.body.len() + 256);
        out.put_slice(b"MESSAGE\n");
        if let Some(ack) = &delivery.ack {
            put_header(out, b"ack", ack.as_bytes());
        }
        put_header(out, b"subscription", delivery.subscription.as_bytes());
        put_header(out, b"destination", format!("/queue/{}", delivery.queue).as_bytes());
        if delivery.redelivered {
            out.put_slice(b"redelivered:true\n");
        }
        out.put_slice(&self.head);
        out.put_u8(b'\n');
        out.put_slice(&self.body);
        out.put_slice(b"\0\n");
    }
}
