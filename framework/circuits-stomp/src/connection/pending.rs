//! Requests that the broker has not answered yet, by receipt.

use std::collections::HashMap;

use crate::error::Error;
use crate::shared::Done;

/// A SEND that waits for its receipt.
pub(super) struct Sent {
    pub(super) destination: String,
    pub(super) done: Done,
}

pub(super) enum Waiting {
    Subscribe(String),
    Unsubscribe(Done),
    /// One SEND, or several that share a receipt.
    Sends(Vec<Sent>),
    /// An interim message; only with a receipt when errors have to be told apart.
    Post(String),
    /// One of the receipts of a transaction.
    Part(u64),
    Disconnect,
}

struct Transaction {
    sent: Option<Sent>,
    /// Receipts still to come.
    parts: u8,
}

#[derive(Default)]
pub(super) struct Pending {
    last: u64,
    waiting: HashMap<String, Waiting>,
    transactions: HashMap<u64, Transaction>,
    /// Entries in `waiting` that stand for messages of ours.
    messages: usize,
}

impl Pending {
    /// The receipt to ask for.
    pub(super) fn register(&mut self, waiting: Waiting) -> String {
        self.last += 1;
        let id = format!("r{}", self.last);
        self.messages += usize::from(waiting.is_message());
        self.waiting.insert(id.clone(), waiting);
        id
    }

    pub(super) fn take(&mut self, receipt: &str) -> Option<Waiting> {
        let waiting = self.waiting.remove(receipt)?;
        self.messages -= usize::from(waiting.is_message());
        Some(waiting)
    }

    /// Puts back what was taken: its receipt does not decide about it after all.
    pub(super) fn restore(&mut self, receipt: &str, waiting: Waiting) {
        self.messages += usize::from(waiting.is_message());
        self.waiting.insert(receipt.to_owned(), waiting);
    }

    /// A transaction that is done when both SEND and COMMIT are confirmed: RabbitMQ answers the SEND only after the COMMIT, and
    /// confirms a COMMIT whose SEND fails. The receipts for SEND and for COMMIT.
    pub(super) fn register_transaction(&mut self, number: u64, sent: Sent) -> (String, String) {
        self.transactions.insert(number, Transaction { sent: Some(sent), parts: 2 });
        (self.register(Waiting::Part(number)), self.register(Waiting::Part(number)))
    }

    /// One receipt of a transaction came.
    pub(super) fn confirm_part(&mut self, number: u64) {
        if let Some(sent) = self.end_part(number, false) {
            let _ = sent.done.send(Ok(()));
        }
    }

    /// One part of a transaction was refused, hence all of it; the other's answer is still to come.
    pub(super) fn refuse_part(&mut self, number: u64) -> Option<Sent> {
        self.end_part(number, true)
    }

    fn end_part(&mut self, number: u64, refused: bool) -> Option<Sent> {
        let transaction = self.transactions.get_mut(&number)?;
        transaction.parts -= 1;
        let over = transaction.parts == 0;
        let sent = if over || refused { transaction.sent.take() } else { None };
        if over {
            self.transactions.remove(&number);
        }
        sent
    }

    /// Whether the broker has answered for every message of ours.
    pub(super) fn idle(&self) -> bool {
        self.messages == 0
    }

    /// Takes out every message whose destination is meant, to refuse it: SENDs and those in transactions.
    pub(super) fn refuse_to(&mut self, is_meant: impl Fn(&str) -> bool, error: impl Fn(&str) -> Error) {
        let refuse = |sent: Sent| {
            let _ = sent.done.send(Err(error(&sent.destination)));
        };
        for waiting in self.waiting.values_mut() {
            if let Waiting::Sends(list) = waiting {
                let (meant, others) =
                    std::mem::take(list).into_iter().partition(|sent| is_meant(&sent.destination));
                *list = others;
                Vec::into_iter(meant).for_each(refuse);
            }
        }
        for transaction in self.transactions.values_mut() {
            if let Some(sent) = transaction.sent.take_if(|sent| is_meant(&sent.destination)) {
                refuse(sent);
            }
        }
    }

    /// The destinations of pending SUBSCRIBEs.
    pub(super) fn subscribing(&self) -> impl Iterator<Item = &str> {
        self.waiting.values().filter_map(|waiting| match waiting {
            Waiting::Subscribe(destination) => Some(destination.as_str()),
            _ => None,
        })
    }
}

impl Waiting {
    fn is_message(&self) -> bool {
        matches!(self, Self::Sends(_) | Self::Post(_) | Self::Part(_))
    }
}
