//! What an ERROR frame means: for one request of ours, or for the connection.
//!
//! ActiveMQ names the request (`receipt-id`) if it carried a receipt, and goes on. RabbitMQ never names it, may still send
//! the RECEIPT, and closes the connection; but its text names the queue.

use tokio::time::Instant;

use super::pending::{Sent, Waiting};
use super::{Connection, End, LAST_WORD};
use crate::error::{Error, Kind};
use crate::registry::Refusal;
use crate::shared::Command;

impl Connection<'_> {
    pub(super) fn refuse(&self, receipt: Option<&str>, text: &str) -> Option<End> {
        let text = self.options.scrub(text);
        let Some((receipt, waiting)) = receipt.and_then(|id| Some((id, self.pending().take(id)?))) else {
            return Some(self.fatal(&text));
        };
        match waiting {
            Waiting::Subscribe(destination) => {
                self.refuse_subscription(&destination, &text);
                self.settle(&destination);
            }
            Waiting::Unsubscribe(done) => {
                let _ = done.send(Err(self.refusal("UNSUBSCRIBE", &text)));
            }
            Waiting::Sends(sends) if sends.len() == 1 => {
                sends.into_iter().for_each(|sent| self.refuse_send(sent, &text));
            }
            Waiting::Part(transaction) => {
                // ActiveMQ keeps the delivery and takes no other ACK for it: only a new connection brings it back. The reason
                // why the SEND failed comes from another thread of ActiveMQ, before this ERROR or after it.
                let mut pending = self.pending();
                pending.refuse_part(transaction, text);
                pending.doomed.get_or_insert_with(|| Instant::now() + LAST_WORD);
            }
            Waiting::Post(destination) => {
                tracing::warn!(host = %self.host, destination, error = text, "The broker refused an interim message.");
            }
            shared @ (Waiting::Sends(_) | Waiting::Disconnect) => {
                self.pending().restore(receipt, shared);
                return Some(self.fatal(&text));
            }
        }
        self.answered();
        None
    }

    /// Handles an ERROR that names no request: requests whose destination its text names are refused, the rest are lost.
    pub(super) fn fatal(&self, text: &str) -> End {
        let explained = names_a_destination(text);
        if explained {
            let meant: Vec<String> = {
                let pending = self.pending();
                pending
                    .subscribing()
                    .filter(|destination| is_meant(text, destination))
                    .map(str::to_owned)
                    .collect()
            };
            for destination in meant {
                self.refuse_subscription(&destination, text);
            }
            let error = |destination: &str| self.refusal(&format!("SEND to {destination}"), text);
            self.pending().refuse_to(|destination| is_meant(text, destination), error);
        }
        let reason = Error::lost(format!("{} reported an error: {text}", self.host));
        End { reason, orderly: false, nameless: true, explained }
    }

    /// Answers the transactions that failed and for which no reason came.
    pub(super) fn refuse_doomed(&self) {
        let refused: Vec<_> = self.pending().take_refused().collect();
        refused.into_iter().for_each(|(sent, text)| self.refuse_send(sent, &text));
    }

    fn refuse_send(&self, sent: Sent, text: &str) {
        let error = self.refusal(&format!("SEND to {}", sent.destination), text);
        let _ = sent.done.send(Err(error));
    }

    fn refuse_subscription(&self, destination: &str, text: &str) {
        let error = self.refusal(&format!("SUBSCRIBE to {destination}"), text);
        let refusal =
            self.shared.lock().registry.refuse(destination, &error, Instant::now(), fastrand::f64());
        if let Some(Refusal::Retry(at)) = refusal {
            let retry_in = at.saturating_duration_since(Instant::now());
            tracing::error!(
                host = %self.host, destination, %error, ?retry_in,
                "The broker no longer lets us subscribe to a queue; nothing arrives from it until it does."
            );
            self.link.push(Command::Wake);
        }
    }

    fn refusal(&self, what: &str, text: &str) -> Error {
        let low = text.to_ascii_lowercase();
        let login = self.options.credentials.as_ref().map_or("", |(login, _)| login);
        if ["not authorized", "not authorised", "access_refused", "access refused"]
            .iter()
            .any(|word| low.contains(word))
        {
            let cure = format!("give the login {login:?} the right to do so on the broker");
            Error::new(Kind::Unauthorised, format!("{} refused {what}: {cure} [{text}]", self.host))
        } else {
            Error::new(Kind::Refused, format!("{} refused {what} [{text}]", self.host))
        }
    }
}

/// Whether this is one of the errors that name the destination and stay the same however often the request is repeated.
fn names_a_destination(text: &str) -> bool {
    let low = text.to_ascii_lowercase();
    let words = [
        "not authorized",
        "access_refused",
        "not_found",
        "precondition_failed",
        "resource_locked",
        "illegal destination",
    ];
    words.iter().any(|word| low.contains(word))
}

/// Whether the text names `destination`: `queue 'x' in vhost` (RabbitMQ), `queue://x` or `[/x/y]` (ActiveMQ).
fn is_meant(text: &str, destination: &str) -> bool {
    let name = ["/queue/", "/topic/", "/amq/queue/", "/exchange/"]
        .iter()
        .find_map(|prefix| destination.strip_prefix(prefix))
        .unwrap_or(destination);
    let name = name.split('?').next().unwrap_or(name).replace("%2F", "/");
    if name.is_empty() {
        return false;
    }
    let active = format!("://{name}");
    text.contains(&format!("'{name}'"))
        || text.contains(&format!("[{destination}]"))
        || text.match_indices(&active).any(|(at, _)| {
            let rest = &text[at + active.len()..];
            !rest.starts_with(|next: char| {
                next.is_alphanumeric() || matches!(next, '.' | '_' | '-' | '/' | '>')
            })
        })
}
