//! Writes frames: `ClientCodec` writes the command and its own headers; we append further headers, the body and the NUL.

use bytes::{BufMut, Bytes, BytesMut};
use tokio_stomp_2::client::ClientCodec;
use tokio_stomp_2::{AckMode, ToServer};
use tokio_util::codec::Encoder as _;

use super::escape::put_escaped;
use crate::delivery::{Outgoing, Subscription};

/// Bodies of at least this size are written in place instead of being copied into the batch.
const WRITE_IN_PLACE: usize = 64 * 1024;

/// Headers of SEND that the session writes itself.
const OWN: [&str; 5] = ["destination", "content-length", "persistent", "receipt", "transaction"];

/// A frame of ours. `Display` and `Debug` are left out on purpose: CONNECT holds the passcode.
pub(crate) struct Frame {
    content: ToServer,
    extra: Vec<(String, String)>,
    body: Bytes,
    omit_host: bool,
}

impl Frame {
    fn new(content: ToServer) -> Self {
        Self { content, extra: Vec::new(), body: Bytes::new(), omit_host: false }
    }

    /// CONNECT. `heart_beat` is (what we offer, what we want) in milliseconds. Without `host` the header is left out.
    pub(crate) fn connect(host: Option<&str>, login: Option<(&str, &str)>, heart_beat: (u32, u32)) -> Self {
        let content = ToServer::Connect {
            accept_version: "1.2".to_owned(),
            host: host.unwrap_or_default().to_owned(),
            login: login.map(|(login, _)| login.to_owned()),
            passcode: login.map(|(_, passcode)| passcode.to_owned()),
            heartbeat: Some(heart_beat),
        };
        Self { omit_host: host.is_none(), ..Self::new(content) }
    }

    pub(crate) fn subscribe(subscription: &Subscription, receipt: String) -> Self {
        let destination = subscription.destination.clone();
        let prefetch = subscription.prefetch.to_string();
        Self::new(ToServer::Subscribe {
            id: destination.clone(),
            destination,
            ack: Some(AckMode::ClientIndividual),
        })
        .with("activemq.prefetchSize", prefetch.clone())
        .with("prefetch-count", prefetch)
        .with("receipt", receipt)
    }

    pub(crate) fn unsubscribe(destination: String, receipt: String) -> Self {
        Self::new(ToServer::Unsubscribe { id: destination }).with("receipt", receipt)
    }

    pub(crate) fn send(message: Outgoing) -> Self {
        let Outgoing { destination, headers, body } = message;
        // `ClientCodec` would write `transaction` under the name `id`, so we add that header ourselves.
        let content = ToServer::Send { destination, transaction: None, headers: None, body: None };
        let length = body.len().to_string();
        let extra = headers.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str())).collect();
        Self { extra, body, ..Self::new(content) }.with("content-length", length)
    }

    pub(crate) fn ack(id: &str) -> Self {
        Self::new(ToServer::Ack { id: id.to_owned(), transaction: None })
    }

    pub(crate) fn begin(transaction: String) -> Self {
        Self::new(ToServer::Begin { transaction })
    }

    pub(crate) fn commit(transaction: String) -> Self {
        Self::new(ToServer::Commit { transaction })
    }

    pub(crate) fn disconnect(receipt: String) -> Self {
        Self::new(ToServer::Disconnect { receipt: Some(receipt) })
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.extra.push((name.to_owned(), value.into()));
        self
    }

    /// Adds the `receipt` header if a receipt is given.
    #[must_use]
    pub(crate) fn with_receipt(self, receipt: Option<String>) -> Self {
        match receipt {
            Some(receipt) => self.with("receipt", receipt),
            None => self,
        }
    }
}

/// Frames on their way into one write.
#[derive(Default)]
pub(crate) struct Batch {
    done: Vec<Bytes>,
    open: BytesMut,
}

impl Batch {
    pub(crate) fn push(&mut self, frame: Frame) {
        let wire = &mut self.open;
        let start = wire.len();
        // Writing into memory cannot fail; the trait only says that it might.
        let _ = ClientCodec.encode(frame.content.into(), wire);
        // Removes the empty line and the NUL, so that further headers can follow.
        wire.truncate(wire.len() - 2);
        if frame.omit_host {
            cut_line(wire, start, b"host:");
        }
        for (name, value) in &frame.extra {
            put_escaped(name, wire);
            wire.put_u8(b':');
            put_escaped(value, wire);
            wire.put_u8(b'\n');
        }
        wire.put_u8(b'\n');
        if frame.body.len() < WRITE_IN_PLACE {
            wire.put_slice(&frame.body);
        } else {
            self.done.extend([wire.split().freeze(), frame.body]);
        }
        self.open.put_u8(0);
    }

    /// An empty line, which is how STOMP says "still here".
    pub(crate) fn push_beat(&mut self) {
        self.open.put_u8(b'\n');
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.open.is_empty()
    }

    /// Everything in the batch, in order, leaving it empty.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        let mut parts = std::mem::take(&mut self.done);
        if !self.open.is_empty() {
            parts.push(self.open.split().freeze());
        }
        parts
    }
}

/// Removes the first line after `start` that begins with `name`.
fn cut_line(wire: &mut BytesMut, start: usize, name: &[u8]) {
    let lines = &wire[start..];
    let mut at = start;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(name) {
            let tail = wire.split_off(at + line.len());
            wire.truncate(at);
            wire.unsplit(tail);
            return;
        }
        at += line.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(frame: Frame) -> String {
        let mut batch = Batch::default();
        batch.push(frame);
        let bytes = batch.take().concat();
        assert!(batch.take().is_empty());
        String::from_utf8(bytes).unwrap()
    }

    fn outgoing(body: &'static [u8], headers: &[(&str, &str)]) -> Outgoing {
        Outgoing {
            destination: "/queue/a:b".into(),
            headers: headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            body: Bytes::from_static(body),
        }
    }

    #[test]
    fn connect_with_and_without_host() {
        let login = Some(("app", "p:a\\ss"));
        assert_eq!(
            wire(Frame::connect(Some("/"), login, (15_000, 10))),
            "CONNECT\naccept-version:1.2\nhost:/\nlogin:app\nheart-beat:15000,10\npasscode:p\\ca\\\\ss\n\n\0"
        );
        assert_eq!(
            wire(Frame::connect(None, None, (0, 0))),
            "CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0"
        );
    }

    #[test]
    fn subscribe_carries_both_prefetch_headers() {
        let subscription = Subscription { destination: "actions.201.x".into(), prefetch: 25 };
        assert_eq!(
            wire(Frame::subscribe(&subscription, "r1".into())),
            "SUBSCRIBE\ndestination:actions.201.x\nid:actions.201.x\nack:client-individual\nactivemq.prefetchSize:25\n\
             prefetch-count:25\nreceipt:r1\n\n\0"
        );
    }

    #[test]
    fn send_counts_its_body_escapes_headers_and_keeps_its_own() {
        let frame =
            Frame::send(outgoing(b"x\0y", &[("c:d", "e\nf"), ("receipt", "mine"), ("content-length", "99")]))
                .with("transaction", "t1")
                .with("receipt", "r2");
        assert_eq!(
            wire(frame),
            "SEND\ndestination:/queue/a\\cb\nc\\cd:e\\nf\ncontent-length:3\ntransaction:t1\nreceipt:r2\n\nx\0y\0"
        );
        assert!(wire(Frame::send(outgoing(b"", &[]))).ends_with("content-length:0\n\n\0"));
    }

    #[test]
    fn a_big_body_is_not_copied() {
        static BODY: [u8; WRITE_IN_PLACE] = [b'x'; WRITE_IN_PLACE];
        let mut batch = Batch::default();
        batch.push(Frame::send(outgoing(&BODY, &[])));
        batch.push(Frame::ack("ID:1"));
        let parts = batch.take();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[1].as_ptr(), BODY.as_ptr());
        assert_eq!(&parts[2][..], b"\0ACK\nid:ID\\c1\n\n\0");
    }

    #[test]
    fn the_small_frames() {
        assert_eq!(wire(Frame::begin("t".into())), "BEGIN\ntransaction:t\n\n\0");
        assert_eq!(
            wire(Frame::commit("t".into()).with("receipt", "r")),
            "COMMIT\ntransaction:t\nreceipt:r\n\n\0"
        );
        assert_eq!(wire(Frame::ack("1").with("transaction", "t")), "ACK\nid:1\ntransaction:t\n\n\0");
        assert_eq!(wire(Frame::unsubscribe("q".into(), "r".into())), "UNSUBSCRIBE\nid:q\nreceipt:r\n\n\0");
        assert_eq!(wire(Frame::disconnect("r".into())), "DISCONNECT\nreceipt:r\n\n\0");
    }
}
