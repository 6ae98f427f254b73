//! Messages that somebody hands in without a broker: they are handled like any other, but the answer goes to whoever handed
//! them in. Nothing is journalled and nothing acknowledged.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use circuits_stomp::{AckToken, Delivery};
use tokio::sync::mpsc;

use crate::Reply;
use crate::delivery::admission::Admission;
use crate::delivery::in_flight::InFlight;
use crate::delivery::intake::Intake;
use crate::delivery::run::Run;
use crate::delivery::settle::{ReplyAddress, Settler};
use crate::journal::{MemoryJournal, Standing};
use crate::message::{ActionMessage, DestinationName};

/// Hands messages to a runner; see [`Runner::submitter`](crate::Runner::submitter). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Submitter {
    org: i64,
    queue: mpsc::UnboundedSender<Submission>,
}

/// A message that was handed in.
pub(crate) struct Submission {
    destination: String,
    reply_to: String,
    body: Bytes,
    listener: mpsc::UnboundedSender<Reply>,
}

/// The replies to one message.
#[derive(Debug)]
pub struct Replies(mpsc::UnboundedReceiver<Reply>);

impl Replies {
    pub(crate) fn new(replies: mpsc::UnboundedReceiver<Reply>) -> Self {
        Self(replies)
    }

    /// The next interim status, or the final reply; `None` after the final reply, and if the runner stopped without one.
    pub async fn next(&mut self) -> Option<Reply> {
        self.0.recv().await
    }
}

impl Submitter {
    pub(crate) fn new(org: i64) -> (Self, mpsc::UnboundedReceiver<Submission>) {
        let (queue, submissions) = mpsc::unbounded_channel();
        (Self { org, queue }, submissions)
    }

    /// Hands in a message (JSON) as if it came from the message destination with this programmatic name; for a call of a
    /// function the name does not matter. The message waits until the runner runs.
    pub fn submit(&self, destination: &str, body: impl Into<Bytes>) -> Replies {
        let (listener, replies) = mpsc::unbounded_channel();
        let name = DestinationName::actions(self.org, destination).to_string();
        let reply_to = format!("/queue/acks.{}.{destination}", self.org);
        let submission = Submission { destination: name, reply_to, body: body.into(), listener };
        // Without a runner the replies end at once.
        let _ = self.queue.send(submission);
        Replies::new(replies)
    }
}

impl Intake {
    /// Handles messages that are handed in; goes on forever.
    pub(crate) async fn run_submissions(
        &self,
        mut submissions: mpsc::UnboundedReceiver<Submission>,
    ) -> Infallible {
        let start = now();
        let settler = Settler {
            journal: Arc::new(MemoryJournal::default()),
            in_flight: Arc::new(InFlight::default()),
            ..self.admission.run.settler.clone()
        };
        let Admission { run, tasks } = self.admission.clone();
        let admission = Admission { run: Run { settler, ..run }, tasks };
        let mut count = 0_u64;
        while let Some(Submission { destination, reply_to, body, listener }) = submissions.recv().await {
            count += 1;
            let token = AckToken::nothing();
            let id = format!("ID:circuits-test-{start}-{count}");
            admission.run.settler.in_flight.hold(&id, &token);
            // The headers that the platform sends, without a context token: only the platform can make one.
            let headers = [
                ("message-id", id.clone()),
                ("destination", format!("/queue/{destination}")),
                ("reply-to", reply_to),
                ("correlation-id", format!("test:{count}")),
                ("Co3MessagePayload", ActionMessage::payload(&body).to_owned()),
                ("Co3ContentType", "application/json".to_owned()),
                ("timestamp", now().to_string()),
                ("priority", "4".to_owned()),
            ];
            let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec().into();
            let address = ReplyAddress::listener(listener);
            let delivery =
                Delivery { token, subscription: destination, headers, body, redelivered: false, flaw: None };
            admission.admit(id, delivery, address, Standing::Run { attempt: 1 });
        }
        std::future::pending().await
    }
}

/// Milliseconds since 1970, the form of times in headers.
pub(crate) fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
