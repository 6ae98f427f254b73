//! The reading half: frames in, deliveries and answers out. It waits for bytes and for nothing else.

use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout};
use tokio_util::codec::Decoder as _;

use super::pending::Waiting;
use super::{Connection, End, LAST_WORD, deadline, sleep_until};
use crate::codec::{Codec, Incoming};
use crate::delivery::{AckToken, Delivery, Flaw};
use crate::headers::Headers;
use crate::shared::Command;

/// Room for one read: a TLS record holds no more, and all of the memory offered to a read is zeroed first.
const READ_BYTES: usize = 16 * 1024;

/// Memory for several reads; more only for the rest of a body that is known to come.
const BUFFER_BYTES: usize = 64 * 1024;
const MOST_BUFFERED: usize = 1024 * 1024;

/// How many times the agreed interval may pass without a byte: the peer's clock and the network get one interval of grace.
const GRACE: u32 = 2;

/// Reads until the connection ends.
pub(super) async fn read(
    mut io: impl AsyncRead + Unpin,
    mut codec: Codec,
    mut buffer: BytesMut,
    beat: Option<Duration>,
    connection: &Connection<'_>,
) -> End {
    let mut last = Instant::now();
    let set_up_by = last + connection.options.connect_timeout;
    loop {
        loop {
            match codec.decode(&mut buffer) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if let Some(end) = connection.take_in(frame) {
                        let explained = explain(&mut io, &mut codec, &mut buffer, &end, connection);
                        return explained.await.unwrap_or(end);
                    }
                }
                Err(error) => return connection.lost_to("the broker sent a broken frame", error),
            }
        }
        let wanted = codec.wanted(buffer.len()).clamp(READ_BYTES, MOST_BUFFERED);
        if buffer.capacity() - buffer.len() < wanted {
            buffer.reserve(wanted.max(BUFFER_BYTES));
        }
        let doomed = connection.pending().doomed;
        let mut room = (&mut buffer).limit(READ_BYTES);
        let set_up = (!connection.is_settled()).then_some(set_up_by);
        tokio::select! {
            biased;
            read = io.read_buf(&mut room) => match read {
                Ok(0) => return connection.lost("the broker closed the connection"),
                Ok(_) => last = Instant::now(),
                Err(error) => return connection.lost_to("reading failed", error),
            },
            () = sleep_until(deadline(last, beat, GRACE)) => {
                let silence = last.elapsed();
                return connection.lost(&format!("no sign of life for {silence:?}, not even a heart-beat"));
            }
            () = sleep_until(doomed) => return connection.lost("a transaction failed"),
            () = sleep_until(set_up) => return connection.lost("the subscriptions were not confirmed in time"),
        }
    }
}

/// Waits for the ERROR that says why, after one that does not: when RabbitMQ refuses a SEND, its channel is gone by the time it
/// handles the ACK that follows, and it may report that first.
async fn explain(
    io: &mut (impl AsyncRead + Unpin),
    codec: &mut Codec,
    buffer: &mut BytesMut,
    end: &End,
    connection: &Connection<'_>,
) -> Option<End> {
    if end.explained {
        return None;
    }
    let explained = async {
        loop {
            while let Some(frame) = codec.decode(buffer).ok()? {
                if let Incoming::Error { text, .. } = frame {
                    let end = connection.fatal(&connection.options.scrub(&text));
                    if end.explained {
                        return Some(end);
                    }
                }
            }
            buffer.reserve(READ_BYTES);
            if io.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
    };
    timeout(LAST_WORD, explained).await.ok()?
}

impl Connection<'_> {
    fn take_in(&self, frame: Incoming) -> Option<End> {
        match frame {
            Incoming::Message { headers, body, flaw } => self.deliver(headers, body, flaw),
            Incoming::Receipt { id } => return self.confirm(&id),
            Incoming::Error { receipt, text } => return self.refuse(receipt.as_deref(), &text),
            Incoming::Connected { .. } => return Some(self.lost("the broker sent CONNECTED twice")),
        }
        None
    }

    fn deliver(&self, headers: Headers, body: bytes::Bytes, flaw: Option<Flaw>) {
        let delivery = Delivery {
            token: AckToken { epoch: self.link.epoch, id: self.ack_id(&headers) },
            subscription: headers.get("subscription").unwrap_or_default().to_owned(),
            redelivered: headers.get("redelivered") == Some("true"),
            headers,
            body,
            flaw,
        };
        if self.deliveries.send(delivery).is_err() {
            tracing::debug!(host = %self.host, "A message arrived that nobody waits for; it stays unacknowledged.");
        }
    }

    fn confirm(&self, receipt: &str) -> Option<End> {
        let waiting = self.pending().take(receipt);
        match waiting {
            Some(Waiting::Subscribe(destination)) => {
                self.shared.lock().registry.confirm(&destination);
                tracing::debug!(host = %self.host, destination, "Subscription confirmed.");
                self.settle(&destination);
            }
            Some(Waiting::Unsubscribe(done)) => {
                let _ = done.send(Ok(()));
            }
            Some(Waiting::Sends(sends)) => sends.into_iter().for_each(|sent| {
                let _ = sent.done.send(Ok(()));
            }),
            Some(Waiting::Part(transaction)) => self.pending().confirm_part(transaction),
            Some(Waiting::Post(_)) => {}
            Some(Waiting::Disconnect) => {
                let end = self.lost("the session was closed");
                return Some(End { orderly: true, ..end });
            }
            None => tracing::debug!(host = %self.host, receipt, "A receipt arrived that nobody waits for."),
        }
        self.answered();
        None
    }

    /// The broker answered something: wakes the writing half if it waits for that.
    pub(super) fn answered(&self) {
        let mut pending = self.pending();
        if std::mem::take(&mut pending.held_back) {
            self.link.push(Command::Wake);
        }
        if pending.idle() {
            self.idle.notify_one();
        }
    }
}
