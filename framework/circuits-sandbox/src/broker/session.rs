//! The frames that one client may send, and the broker's answers: STOMP 1.2 with ActiveMQ's habits and texts.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Broker;
use super::frame::{Frame, encode};
use super::message::{Publication, bare};
use super::state::{AckMode, Out, Settle, Subscription};
use crate::event::Event;
use crate::platform::{Account, Received};

/// ActiveMQ's prefetch for a subscription that names none.
const PREFETCH: usize = 1000;

/// Whether the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Close,
}

/// Why a frame is answered with ERROR, and whether ActiveMQ then closes.
enum Refusal {
    Stay(String),
    Close(String),
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self::Stay(text)
    }
}

/// A transaction between BEGIN and its end.
#[derive(Default)]
struct Transaction {
    sends: Vec<Frame>,
    acks: Vec<u64>,
    /// Something in it failed, so that only ABORT is left.
    doomed: bool,
}

pub(super) struct Session {
    broker: Arc<Broker>,
    id: u64,
    out: mpsc::UnboundedSender<Out>,
    account: Option<Account>,
    transactions: HashMap<String, Transaction>,
    /// How long the client may be silent, once heart-beats are agreed on.
    pub(super) patience: Option<Duration>,
}

impl Session {
    pub(super) fn new(broker: Arc<Broker>, id: u64, out: mpsc::UnboundedSender<Out>) -> Self {
        Self { broker, id, out, account: None, transactions: HashMap::new(), patience: None }
    }

    fn send(&self, out: Out) {
        // The writer may have died with the socket; the reader notices by itself.
        let _ = self.out.send(out);
    }

    pub(super) fn ended(&self) {
        if let Some(account) = &self.account {
            self.broker.platform.events.emit(|| Event::Disconnected { login: account.login.clone() });
        }
    }

    pub(super) fn malformed(&mut self, text: &str) -> Flow {
        self.refuse(&Frame::default(), Refusal::Close(text.to_owned()))
    }

    pub(super) fn handle(&mut self, frame: Frame) -> Flow {
        let outcome = match frame.command.as_str() {
            "CONNECT" | "STOMP" if self.account.is_none() => self.connect(&frame),
            "CONNECT" | "STOMP" => Err(Refusal::Close("Already connected.".to_owned())),
            _ if self.account.is_none() => Err(Refusal::Close("Not connected.".to_owned())),
            "SUBSCRIBE" => self.subscribe(&frame),
            "UNSUBSCRIBE" => self.unsubscribe(&frame),
            "SEND" => self.send_frame(&frame),
            "ACK" => self.settle(&frame, Settle::Done),
            "NACK" => self.settle(&frame, Settle::Refuse),
            "BEGIN" => self.begin(&frame),
            "COMMIT" => self.end(&frame, true),
            "ABORT" => self.end(&frame, false),
            "DISCONNECT" => Ok(()),
            other => Err(Refusal::Close(format!("Unknown STOMP action: {other}"))),
        };
        if let Err(refusal) = outcome {
            return self.refuse(&frame, refusal);
        }
        let receipt = frame.get("receipt").filter(|_| !matches!(frame.command.as_str(), "CONNECT" | "STOMP"));
        if let Some(receipt) = receipt
            && !self.broker.switches.take_receipt()
        {
            self.send(Out::Frame(encode("RECEIPT", &[("receipt-id", receipt)], b"")));
        }
        if frame.command == "DISCONNECT" {
            return self.close();
        }
        Flow::On
    }

    fn refuse(&self, frame: &Frame, refusal: Refusal) -> Flow {
        let (text, close) = match refusal {
            Refusal::Stay(text) => (text, false),
            Refusal::Close(text) => (text, true),
        };
        tracing::debug!(command = frame.command, error = text, "The broker refused a frame.");
        self.send(Out::Frame(error_frame(&text, frame.get("receipt"))));
        if close { self.close() } else { Flow::On }
    }

    fn close(&self) -> Flow {
        self.send(Out::Close);
        Flow::Close
    }

    fn connect(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let versions = frame.get("accept-version").unwrap_or("1.0");
        if !versions.split(',').any(|version| version.trim() == "1.2") {
            let text = format!("Invalid Protocol version[{versions}], supported versions are: [1.2]");
            return Err(Refusal::Close(text));
        }
        let (login, passcode) = (frame.get("login"), frame.get("passcode"));
        let account =
            self.broker.platform.broker_login(login.unwrap_or_default(), passcode.unwrap_or_default());
        let Some(account) = account else {
            let name = login.unwrap_or("null");
            return Err(Refusal::Close(format!("User name [{name}] or password is invalid.")));
        };
        let beats = frame.get("heart-beat").unwrap_or("0,0");
        let (sends, wants) =
            heart_beat(beats).ok_or_else(|| Refusal::Close(format!("Invalid heart-beat header:{beats}")))?;
        // Silence for one more interval, and at least a second more, is forgiven (measured on ActiveMQ).
        self.patience = (sends > 0).then(|| Duration::from_millis(sends + sends.max(1000)));
        let session = format!("ID:sandbox-session-{}", self.id);
        let beats = format!("{wants},{sends}");
        let server = concat!("sandbox/", env!("CARGO_PKG_VERSION"));
        let headers = [("version", "1.2"), ("session", &session), ("heart-beat", &beats), ("server", server)];
        self.send(Out::Frame(encode("CONNECTED", &headers, b"")));
        if wants > 0 {
            self.send(Out::HeartBeat(Duration::from_millis(wants)));
        }
        self.broker.platform.events.emit(|| Event::Connected { login: account.login.clone() });
        self.account = Some(account);
        Ok(())
    }

    fn subscribe(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let queue = bare(need(frame, "destination")?);
        self.authorise(queue, "read from", |account, platform| platform.may_read(account, queue))?;
        let id = need(frame, "id")?;
        let mode = match frame.get("ack").unwrap_or("auto") {
            "auto" => AckMode::Auto,
            "client" => AckMode::Client,
            "client-individual" => AckMode::Individual,
            other => return Err(Refusal::Close(format!("Unsupported ack mode: {other}"))),
        };
        // Either ActiveMQ's name or RabbitMQ's, so that one client configuration works with both.
        let prefetch = frame.get("activemq.prefetchSize").or(frame.get("prefetch-count"));
        let prefetch = prefetch.and_then(|text| text.parse().ok()).filter(|n| *n > 0).unwrap_or(PREFETCH);
        let subscription = Subscription::new(queue, mode, prefetch);
        self.broker.change(|state| state.subscribe(self.id, id, subscription))?;
        self.broker.platform.events.emit(|| Event::Subscribed { queue: queue.to_owned() });
        Ok(())
    }

    fn unsubscribe(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let id = need(frame, "id")?;
        Ok(self.broker.change(|state| state.unsubscribe(self.id, id))?)
    }

    /// The ERROR text is worded as ActiveMQ words it; the connection stays usable.
    fn authorise(
        &self,
        queue: &str,
        verb: &str,
        may: impl FnOnce(&Account, &crate::platform::Platform) -> bool,
    ) -> Result<(), String> {
        match &self.account {
            Some(account) if may(account, &self.broker.platform) => Ok(()),
            account => {
                let login = account.as_ref().map_or("null", |account| account.login.as_str());
                Err(format!("User {login} is not authorized to {verb}: queue://{queue}"))
            }
        }
    }

    fn send_frame(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let queue = bare(need(frame, "destination")?);
        let allowed =
            self.authorise(queue, "write to", |account, platform| platform.may_write(account, queue));
        let Some(name) = frame.get("transaction") else {
            allowed?;
            self.deliver(frame);
            return Ok(());
        };
        let transaction = find(&mut self.transactions, name)?;
        if let Err(text) = allowed {
            transaction.doomed = true;
            return Err(text.into());
        }
        let copy = Frame { command: String::new(), headers: frame.headers.clone(), body: frame.body.clone() };
        transaction.sends.push(copy);
        Ok(())
    }

    /// Hands a sent message to the platform if it is a reply, otherwise to its queue.
    fn deliver(&self, frame: &Frame) {
        let queue = bare(frame.get("destination").unwrap_or_default());
        // A tool that subscribes to a reply queue itself receives the replies in place of the platform.
        if queue.starts_with("acks.") && self.broker.stats(queue).consumers == 0 {
            let reply = Received::new(frame.headers.clone(), frame.body.clone());
            if let Some(next) = self.broker.platform.take_reply(reply) {
                self.broker.send(next);
            }
            return;
        }
        let mut publication = Publication::to(queue).body(frame.body.clone());
        publication.persistent = frame.get("persistent") == Some("true");
        for (name, value) in
            frame.headers.iter().filter(|(n, _)| !matches!(n.as_str(), "receipt" | "transaction"))
        {
            publication = publication.header(name, value);
        }
        self.broker.publish(publication, Arc::default());
    }

    fn settle(&mut self, frame: &Frame, how: Settle) -> Result<(), Refusal> {
        let id = need(frame, "id")?;
        let transaction = match frame.get("transaction") {
            None => None,
            Some(name) => Some(find(&mut self.transactions, name)?),
        };
        let how = match (how, transaction.is_some()) {
            (Settle::Refuse, true) => return Err("Poison ack cannot be transacted".to_owned().into()),
            (_, true) => Settle::Later,
            (how, false) => how,
        };
        let Some(numbers) = self.broker.change(|state| state.settle(self.id, id, how)) else {
            // ActiveMQ shows the STOMP 1.0 header, which a 1.2 client does not send.
            let shown = frame.get("message-id").unwrap_or("null");
            return Err(format!("Unexpected {} received for message-id [{shown}]", frame.command).into());
        };
        if let Some(transaction) = transaction {
            transaction.acks.extend(numbers);
        }
        Ok(())
    }

    fn begin(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let name = need(frame, "transaction")?;
        if self.transactions.contains_key(name) {
            return Err(format!("The transaction was already started: {name}").into());
        }
        self.transactions.insert(name.to_owned(), Transaction::default());
        Ok(())
    }

    fn end(&mut self, frame: &Frame, commit: bool) -> Result<(), Refusal> {
        let name = need(frame, "transaction")?;
        find(&mut self.transactions, name)?;
        let Some(transaction) = self.transactions.remove(name) else { return Ok(()) };
        let commit_now = commit && !transaction.doomed;
        if commit_now {
            self.broker.change(|state| state.commit(self.id, &transaction.acks));
            transaction.sends.iter().for_each(|frame| self.deliver(frame));
        } else {
            self.broker.change(|state| state.abort(self.id, &transaction.acks));
        }
        if commit && !commit_now {
            return Err("COMMIT FAILED: Transaction marked rollback only".to_owned().into());
        }
        Ok(())
    }
}

fn find<'a>(
    transactions: &'a mut HashMap<String, Transaction>,
    name: &str,
) -> Result<&'a mut Transaction, String> {
    transactions.get_mut(name).ok_or_else(|| format!("Invalid transaction id: {name}"))
}

/// A header the frame must have. The refusal has ActiveMQ's wording and leaves the connection open.
fn need<'a>(frame: &'a Frame, name: &str) -> Result<&'a str, Refusal> {
    frame.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
        Refusal::Stay(match (frame.command.as_str(), name) {
            ("SUBSCRIBE", "destination") => "Invalid empty or 'null' Destination header".to_owned(),
            ("SEND", "destination") => "SEND received without a Destination specified!".to_owned(),
            (command @ ("ACK" | "NACK"), "id") => {
                format!("{command} received without a ack id for acknowledge!")
            }
            (command, name) => format!("{command} received without a {name} specified!"),
        })
    })
}

fn heart_beat(text: &str) -> Option<(u64, u64)> {
    let (sends, wants) = text.split_once(',')?;
    Some((sends.trim().parse().ok()?, wants.trim().parse().ok()?))
}

/// An ERROR frame; `receipt` is the receipt the refused frame asked for.
pub(super) fn error_frame(message: &str, receipt: Option<&str>) -> bytes::Bytes {
    let mut headers = vec![("message", message), ("content-type", "text/plain")];
    headers.extend(receipt.map(|id| ("receipt-id", id)));
    encode("ERROR", &headers, format!("{message}\n").as_bytes())
}
