//! What the runner remembers of each message, so that a redelivered one is answered without running its handler again.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::Duration;

use bytes::Bytes;
use circuits_stomp::Delivery;

use crate::history::History;
use crate::message::CONTEXT_TOKEN;
use crate::outbox::Outbox;
use crate::signal::Waiting;
use crate::{Reply, Result};

/// The future of a journal call.
pub type JournalFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A message as it arrives.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    /// What distinguishes it from all other messages.
    pub id: &'a str,
    /// The destination it came from, `actions.<org>.<name>`.
    pub destination: &'a str,
    /// Its STOMP headers, without the context token, which is a secret and comes again with a redelivery.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Its body as it came.
    pub body: &'a Bytes,
}

impl<'a> Arrival<'a> {
    pub(crate) fn of(id: &'a str, delivery: &'a Delivery) -> Self {
        let headers = delivery.headers.iter().filter(|(name, _)| *name != CONTEXT_TOKEN);
        Self { id, destination: &delivery.subscription, headers: headers.collect(), body: &delivery.body }
    }
}

/// Where a message stands when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not finished yet; its next attempt has this number.
    Run {
        /// The attempts that were begun and neither finished nor taken back, plus the next one; at least 1.
        attempt: u32,
    },
    /// The handler finished, but the broker may not have the reply yet.
    Finished(Reply),
    /// Settled; only the ACK is missing.
    Replied,
}

/// Who made the final reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A handler; or the runner, for a message that no handler takes.
    Answered,
    /// The runner, for a message that was set aside: after too many attempts, or by somebody.
    SetAside,
}

impl Outcome {
    /// What became of the action, as events say it: `completed`, `failed` or `set_aside`.
    pub fn status(self, failed: bool) -> &'static str {
        match (self, failed) {
            (Self::SetAside, _) => "set_aside",
            (Self::Answered, true) => "failed",
            (Self::Answered, false) => "completed",
        }
    }
}

/// What became of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The broker has confirmed it.
    Replied,
    /// The message names no address for it.
    NoAddress,
    /// The broker refused it for good.
    Refused,
}

/// Something that happened while a message was handled, worth knowing afterwards.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// The handler reported progress: its text.
    Status(String),
    /// The handler began to wait.
    Waiting(Waiting),
    /// The handler called the platform.
    Call {
        /// The HTTP method.
        method: &'static str,
        /// The path, without the query.
        path: String,
        /// What the platform answered; `None` when no answer came.
        status: Option<u16>,
        /// How long it took.
        took: Duration,
    },
}

/// A stored message that somebody has asked to run again. It has an id of its own, by which the journal knows it like any
/// other message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rerun {
    /// Its position in the order of such messages.
    pub position: i64,
    /// Its id.
    pub id: String,
    /// The destination that the message came from.
    pub destination: String,
    /// The message's STOMP headers, without the context token.
    pub headers: Vec<(String, String)>,
    /// The message's body.
    pub body: Bytes,
}

/// Remembers messages by their id. A call has taken effect when its future resolves: in a durable journal its effect then
/// survives the end of the process, and that of [`finish`](Self::finish) survives a power cut too.
///
/// The other calls need not survive one. A power cut is not the message's doing, so the attempt that it ends should not
/// count; and a note of settlement that is lost with the power costs a second, identical reply, if the acknowledgement
/// right behind it is lost too.
///
/// An attempt is counted when a handler starts, not when the message arrives, and is taken back when the handler goes on to
/// wait or is stopped in an orderly way. So the attempts that are left over after the process died are those during which
/// it died.
///
/// For a message that has not arrived or is already settled, all calls except `begin` have no effect.
pub trait Journal: Send + Sync + 'static {
    /// Notes the arrival of these messages, together for speed, and returns where each stands.
    fn begin<'a>(&'a self, arrivals: &'a [Arrival<'a>]) -> JournalFuture<'a, Vec<Standing>>;
    /// Notes that an attempt begins: the handler of this rule, on this incident, is about to run.
    fn started<'a>(
        &'a self,
        id: &'a str,
        rule: Option<&'a str>,
        incident: Option<i64>,
    ) -> JournalFuture<'a, ()>;
    /// Takes the last attempt back: the handler no longer runs, and the process goes on.
    fn released<'a>(&'a self, id: &'a str) -> JournalFuture<'a, ()>;
    /// Notes the final reply, before anything is sent to the broker.
    fn finish<'a>(&'a self, id: &'a str, reply: &'a Reply, outcome: Outcome) -> JournalFuture<'a, ()>;
    /// Notes what became of the reply, before the message is acknowledged, unless one transaction does both.
    fn settled<'a>(&'a self, id: &'a str, settlement: Settlement) -> JournalFuture<'a, ()>;

    /// Notes a step, for those who look at the message later. Never waits, and may lose the step: nothing depends on steps.
    fn step(&self, id: &str, step: Step) {
        let _ = (id, step);
    }

    /// Where the journal notes the events that others must hear of; `None` if it cannot.
    fn outbox(&self) -> Option<Arc<dyn Outbox>> {
        None
    }

    /// The messages that it remembers, for people to look at; `None` if it keeps none after they are settled.
    fn history(&self) -> Option<Arc<dyn History>> {
        None
    }

    /// The first message after this position that is to run again and is not settled yet.
    fn rerun(&self, after: i64) -> JournalFuture<'_, Option<Rerun>> {
        let _ = after;
        done(None)
    }
}

/// A journal that lasts as long as the process: it recognises redeliveries after a lost connection, but not after a restart.
///
/// It keeps every unfinished message and every reply that waits for its confirmation, and the ids of the latest
/// 20,000 messages that were answered (about 3 MB), in case their ACK was lost.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    messages: HashMap<String, Entry>,
    answered: VecDeque<String>,
}

#[derive(Debug)]
enum Entry {
    Begun { attempts: u32 },
    Finished(Reply),
    Settled,
}

const KEPT_ANSWERED: usize = 20_000;

impl MemoryJournal {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn done<'a, T: Send + 'a>(value: T) -> JournalFuture<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Journal for MemoryJournal {
    fn begin<'a>(&'a self, arrivals: &'a [Arrival<'a>]) -> JournalFuture<'a, Vec<Standing>> {
        let mut state = self.lock();
        done(arrivals.iter().map(|arrival| state.begin(arrival.id)).collect())
    }

    fn started<'a>(
        &'a self,
        id: &'a str,
        _rule: Option<&'a str>,
        _incident: Option<i64>,
    ) -> JournalFuture<'a, ()> {
        if let Some(Entry::Begun { attempts }) = self.lock().messages.get_mut(id) {
            *attempts += 1;
        }
        done(())
    }

    fn released<'a>(&'a self, id: &'a str) -> JournalFuture<'a, ()> {
        if let Some(Entry::Begun { attempts }) = self.lock().messages.get_mut(id) {
            *attempts = attempts.saturating_sub(1);
        }
        done(())
    }

    fn finish<'a>(&'a self, id: &'a str, reply: &'a Reply, _outcome: Outcome) -> JournalFuture<'a, ()> {
        if let Some(entry @ (Entry::Begun { .. } | Entry::Finished(_))) = self.lock().messages.get_mut(id) {
            *entry = Entry::Finished(reply.clone());
        }
        done(())
    }

    fn settled<'a>(&'a self, id: &'a str, _settlement: Settlement) -> JournalFuture<'a, ()> {
        self.lock().settled(id);
        done(())
    }
}

impl State {
    fn begin(&mut self, id: &str) -> Standing {
        match self.messages.get(id) {
            Some(Entry::Begun { attempts }) => Standing::Run { attempt: attempts + 1 },
            Some(Entry::Finished(reply)) => Standing::Finished(reply.clone()),
            Some(Entry::Settled) => Standing::Replied,
            None => {
                self.messages.insert(id.to_owned(), Entry::Begun { attempts: 0 });
                Standing::Run { attempt: 1 }
            }
        }
    }

    fn settled(&mut self, id: &str) {
        match self.messages.get_mut(id) {
            None | Some(Entry::Settled) => return,
            Some(entry) => *entry = Entry::Settled,
        }
        self.answered.push_back(id.to_owned());
        if self.answered.len() > KEPT_ANSWERED
            && let Some(oldest) = self.answered.pop_front()
        {
            self.messages.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn standing(journal: &MemoryJournal, id: &str) -> Standing {
        let arrival = Arrival { id, destination: "actions.201.q", headers: Vec::new(), body: &Bytes::new() };
        journal.begin(&[arrival]).await.unwrap().remove(0)
    }

    #[tokio::test]
    async fn a_message_goes_from_run_to_replied() {
        let journal = MemoryJournal::default();
        assert_eq!(standing(&journal, "a").await, Standing::Run { attempt: 1 });
        assert_eq!(standing(&journal, "a").await, Standing::Run { attempt: 1 });
        journal.started("a", Some("Rule"), Some(7)).await.unwrap();
        assert_eq!(standing(&journal, "a").await, Standing::Run { attempt: 2 });
        journal.released("a").await.unwrap();
        assert_eq!(standing(&journal, "a").await, Standing::Run { attempt: 1 });
        journal.finish("a", &Reply::completed("x"), Outcome::Answered).await.unwrap();
        assert_eq!(standing(&journal, "a").await, Standing::Finished(Reply::completed("x")));
        journal.settled("a", Settlement::Replied).await.unwrap();
        journal.finish("a", &Reply::completed("y"), Outcome::Answered).await.unwrap();
        assert_eq!(standing(&journal, "a").await, Standing::Replied);
    }

    #[tokio::test]
    async fn answered_ids_are_bounded() {
        let journal = MemoryJournal::default();
        for n in 0..=KEPT_ANSWERED {
            standing(&journal, &n.to_string()).await;
            journal.settled(&n.to_string(), Settlement::Replied).await.unwrap();
        }
        assert_eq!(journal.lock().messages.len(), KEPT_ANSWERED);
        assert_eq!(standing(&journal, "0").await, Standing::Run { attempt: 1 });
        assert_eq!(standing(&journal, "1").await, Standing::Replied);
    }
}
