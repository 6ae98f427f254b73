//! Requests that the broker has not answered yet, by receipt.

use std::collections::HashMap;

use tokio::time::Instant;

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
    /// An interim message; it asks for a receipt only when errors must be told apart.
    Post(String),
    /// One of the receipts of a transaction.
    Part(u64),
    Disconnect,
}

struct Transaction {
    sent: Sent,
    /// Receipts still to come.
    parts: u8,
    /// What the broker said when it refused a part, hence all of it.
    refused: Option<String>,
}

#[derive(Default)]
pub(super) struct Pending {
    last: u64,
    waiting: HashMap<String, Waiting>,
    transactions: HashMap<u64, Transaction>,
    /// Entries in `waiting` that stand for messages of ours.
    messages: usize,
    /// Of those, the SENDs and groups of SENDs.
    sends: usize,
    /// SENDs wait for one of these receipts before they are written.
    pub(super) held_back: bool,
    /// When the connection ends because a transaction was refused.
    pub(super) doomed: Option<Instant>,
}

impl Pending {
    /// Registers what waits and returns the receipt to ask for.
    pub(super) fn register(&mut self, waiting: Waiting) -> String {
        self.last += 1;
        let id = format!("r{}", self.last);
        self.insert(id.clone(), waiting);
        id
    }

    fn insert(&mut self, id: String, waiting: Waiting) {
        self.messages += usize::from(waiting.is_message());
        self.sends += usize::from(matches!(waiting, Waiting::Sends(_)));
        self.waiting.insert(id, waiting);
    }

    pub(super) fn take(&mut self, receipt: &str) -> Option<Waiting> {
        let waiting = self.waiting.remove(receipt)?;
        self.messages -= usize::from(waiting.is_message());
        self.sends -= usize::from(matches!(waiting, Waiting::Sends(_)));
        Some(waiting)
    }

    /// Puts back what was taken: its receipt does not decide about it after all.
    pub(super) fn restore(&mut self, receipt: &str, waiting: Waiting) {
        self.insert(receipt.to_owned(), waiting);
    }

    /// Registers a transaction: it is done when its COMMIT is confirmed, and with `with_send` its SEND too. Returns the
    /// receipts to ask for, of the SEND and of the COMMIT.
    pub(super) fn register_transaction(
        &mut self,
        number: u64,
        sent: Sent,
        with_send: bool,
    ) -> (Option<String>, String) {
        self.transactions.insert(number, Transaction { sent, parts: 1 + u8::from(with_send), refused: None });
        let send = with_send.then(|| self.register(Waiting::Part(number)));
        (send, self.register(Waiting::Part(number)))
    }

    /// One receipt of a transaction came.
    pub(super) fn confirm_part(&mut self, number: u64) {
        let Some(transaction) = self.transactions.get_mut(&number) else { return };
        transaction.parts -= 1;
        if transaction.parts == 0
            && let Some(transaction) = self.transactions.remove(&number)
        {
            let _ = transaction.sent.done.send(Ok(()));
        }
    }

    /// One part of a transaction was refused, hence all of it; the reason may still come.
    pub(super) fn refuse_part(&mut self, number: u64, text: String) {
        if let Some(transaction) = self.transactions.get_mut(&number) {
            transaction.refused = Some(text);
        }
    }

    /// Takes out the transactions that were refused, each with what the broker said.
    pub(super) fn take_refused(&mut self) -> impl Iterator<Item = (Sent, String)> {
        self.transactions
            .extract_if(|_, transaction| transaction.refused.is_some())
            .filter_map(|(_, transaction)| Some((transaction.sent, transaction.refused?)))
    }

    /// Whether the broker has answered for every message of ours.
    pub(super) fn idle(&self) -> bool {
        self.messages == 0
    }

    /// Receipts outstanding for SENDs outside transactions.
    pub(super) fn shared(&self) -> usize {
        self.sends
    }

    /// Takes out and refuses every message whose destination is meant: plain SENDs and those in transactions.
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
        let meant = self.transactions.extract_if(|_, transaction| is_meant(&transaction.sent.destination));
        meant.for_each(|(_, transaction)| refuse(transaction.sent));
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
