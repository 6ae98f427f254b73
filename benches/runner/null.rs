//! A consumer that only sends a prepared reply and an ACK for each message, in raw bytes: it shows what the broker and the
//! machine allow. Reader and writer are independent tasks; frames that are ready together go out in one write.

use std::collections::HashMap;

use circuits_tests::broker::{PASSWORD, USER};
use circuits_tests::raw::{Client, Frame, Reader, Writer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::ours;
use crate::place::Place;

const REPLY: &str = r#"{"message_type":0,"message":"","complete":true}"#;
/// Receipt of the DISCONNECT.
const END: &str = "end";

/// How the ACK is tied to the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Each reply has a receipt, and its ACK waits for it.
    ReceiptPerReply,
    /// The last of the replies that are ready together has a receipt, and the ACKs of all wait for it.
    ReceiptPerBatch,
    /// BEGIN, SEND, ACK, COMMIT for each message.
    Transaction,
}

/// The consumer at work.
pub(crate) struct Null {
    stop: oneshot::Sender<()>,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl Null {
    /// Starts it with the broker of this app.config and waits until it is subscribed.
    pub(crate) async fn start(config: &str, mode: Mode) -> Self {
        let (port, ca_file, host, prefetch) = Place::of(config);
        let client = Client::connect_to(port, ca_file, host, USER, PASSWORD).await;
        let mut client = client.unwrap();

        let queue = format!("actions.201.{}", ours::destination(0));
        let subscribe = Frame::new("SUBSCRIBE").header("destination", &queue).header("id", "1");
        let subscribe = subscribe.header("ack", "client-individual").header("prefetch-count", prefetch);
        let subscribe = subscribe.header("activemq.prefetchSize", prefetch);
        // It asks for no receipt, which would arrive among the messages.
        client.writer.send(&subscribe).await.unwrap();
        let Client { reader, writer, .. } = client;
        let (stop, stopped) = oneshot::channel();
        let (outgoing, queue) = mpsc::unbounded_channel();
        let answers = Answers { mode, outgoing, batch: Vec::new(), waiting: HashMap::new(), receipts: 0 };
        Self {
            stop,
            reader: tokio::spawn(read(reader, answers, stopped)),
            writer: tokio::spawn(write(writer, queue)),
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the null consumer ended");
        self.reader.await.unwrap();
        self.writer.await.unwrap();
    }
}

async fn read(mut reader: Reader, mut answers: Answers, mut stop: oneshot::Receiver<()>) {
    let (mut stopping, mut ended) = (false, false);
    while !ended {
        let frame = tokio::select! {
            frame = reader.next() => frame.unwrap(),
            _ = &mut stop, if !stopping => {
                stopping = true;
                answers.end();
                continue;
            }
        };
        let mut next = Some(frame);
        while let Some(frame) = next {
            ended |= answers.take(&frame);
            // After the last receipt the broker closes the connection.
            next = if ended { None } else { reader.ready().await.unwrap() };
        }
        answers.flush();
        if stopping {
            answers.end();
        }
    }
}

async fn write(mut writer: Writer, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(mut bytes) = queue.recv().await {
        while let Ok(more) = queue.try_recv() {
            bytes.extend(more);
        }
        writer.write(&bytes).await.unwrap();
    }
}

struct Answers {
    mode: Mode,
    outgoing: mpsc::UnboundedSender<Vec<u8>>,
    /// Replies that go out together, with the ids to acknowledge.
    batch: Vec<(Frame, String)>,
    /// The ids to acknowledge by the receipt that must come first; empty if a transaction acknowledges.
    waiting: HashMap<String, Vec<String>>,
    receipts: u64,
}

impl Answers {
    /// Handles a frame. Returns true at the end of the connection.
    fn take(&mut self, frame: &Frame) -> bool {
        match frame.command.as_str() {
            "MESSAGE" => {
                let reply = Frame::new("SEND")
                    .header("destination", frame.get("reply-to").unwrap())
                    .header("correlation-id", frame.get("correlation-id").unwrap())
                    .header("persistent", "true");
                self.batch.push((reply.body(REPLY), frame.get("ack").unwrap()));
            }
            "RECEIPT" => {
                let receipt = frame.get("receipt-id").unwrap();
                if receipt == END {
                    return true;
                }
                let mut bytes = Vec::new();
                for id in self.waiting.remove(&receipt).unwrap() {
                    Frame::new("ACK").header("id", id).write_to(&mut bytes);
                }
                self.send(bytes);
            }
            _ => panic!("{frame:?}"),
        }
        false
    }

    /// Sends the replies that became ready together.
    fn flush(&mut self) {
        let mut bytes = Vec::new();
        let (mut acks, mut left) = (Vec::new(), self.batch.len());
        for (reply, ack) in std::mem::take(&mut self.batch) {
            left -= 1;
            self.receipts += 1;
            let receipt = format!("r{}", self.receipts);
            match self.mode {
                Mode::ReceiptPerReply => {
                    reply.header("receipt", &receipt).write_to(&mut bytes);
                    self.waiting.insert(receipt, vec![ack]);
                }
                Mode::ReceiptPerBatch => {
                    acks.push(ack);
                    if left > 0 {
                        reply.write_to(&mut bytes);
                    } else {
                        reply.header("receipt", &receipt).write_to(&mut bytes);
                        self.waiting.insert(receipt, std::mem::take(&mut acks));
                    }
                }
                Mode::Transaction => {
                    let transaction = format!("t{}", self.receipts);
                    Frame::new("BEGIN").header("transaction", &transaction).write_to(&mut bytes);
                    reply.header("transaction", &transaction).write_to(&mut bytes);
                    let ack = Frame::new("ACK").header("id", ack);
                    ack.header("transaction", &transaction).write_to(&mut bytes);
                    let commit = Frame::new("COMMIT").header("transaction", &transaction);
                    commit.header("receipt", &receipt).write_to(&mut bytes);
                    self.waiting.insert(receipt, Vec::new());
                }
            }
        }
        self.send(bytes);
    }

    /// Sends DISCONNECT, once everything is answered.
    fn end(&self) {
        if self.waiting.is_empty() {
            let mut bytes = Vec::new();
            Frame::new("DISCONNECT").header("receipt", END).write_to(&mut bytes);
            self.send(bytes);
        }
    }

    fn send(&self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.outgoing.send(bytes).expect("the writer ended");
        }
    }
}
