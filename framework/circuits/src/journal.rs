//! What the runner remembers of each message, so that a redelivered one is answered without running its handler again.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use crate::{Reply, Result};

/// The future of a journal call.
pub type JournalFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Where a message stands when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not finished before; this is the attempt's number, from 1.
    Run {
        /// Attempts so far, this one included.
        attempt: u32,
    },
    /// The handler finished, but the broker may not have the reply yet.
    Finished(Reply),
    /// The reply is confirmed by the broker; only the ACK is missing.
    Replied,
}

/// Remembers messages by their `message-id`. Each call is durable when its future resolves, as far as the journal is durable.
pub trait Journal: Send + Sync + 'static {
    /// Notes the arrival of these messages, together for speed, and tells where each stands.
    fn begin<'a>(&'a self, ids: &'a [String]) -> JournalFuture<'a, Vec<Standing>>;
    /// Notes the handler's result; before the broker is told anything.
    fn finish<'a>(&'a self, id: &'a str, reply: &'a Reply) -> JournalFuture<'a, ()>;
    /// Notes that the broker has confirmed the reply.
    fn replied<'a>(&'a self, id: &'a str) -> JournalFuture<'a, ()>;
}

/// A journal that lasts as long as the process: redeliveries after a lost connection find it, a restart does not.
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
    Replied,
}

const KEPT_ANSWERED: usize = 20_000;

impl MemoryJournal {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Journal for MemoryJournal {
    fn begin<'a>(&'a self, ids: &'a [String]) -> JournalFuture<'a, Vec<Standing>> {
        let standings = self.with(|state| ids.iter().map(|id| state.begin(id)).collect());
        Box::pin(std::future::ready(Ok(standings)))
    }

    fn finish<'a>(&'a self, id: &'a str, reply: &'a Reply) -> JournalFuture<'a, ()> {
        self.with(|state| state.messages.insert(id.to_owned(), Entry::Finished(reply.clone())));
        Box::pin(std::future::ready(Ok(())))
    }

    fn replied<'a>(&'a self, id: &'a str) -> JournalFuture<'a, ()> {
        self.with(|state| state.replied(id));
        Box::pin(std::future::ready(Ok(())))
    }
}

impl State {
    fn begin(&mut self, id: &str) -> Standing {
        match self.messages.get_mut(id) {
            Some(Entry::Begun { attempts }) => {
                *attempts += 1;
                Standing::Run { attempt: *attempts }
            }
            Some(Entry::Finished(reply)) => Standing::Finished(reply.clone()),
            Some(Entry::Replied) => Standing::Replied,
            None => {
                self.messages.insert(id.to_owned(), Entry::Begun { attempts: 1 });
                Standing::Run { attempt: 1 }
            }
        }
    }

    fn replied(&mut self, id: &str) {
        if matches!(self.messages.insert(id.to_owned(), Entry::Replied), Some(Entry::Replied)) {
            return;
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
        journal.begin(&[id.to_owned()]).await.unwrap().remove(0)
    }

    #[tokio::test]
    async fn a_message_goes_from_run_to_replied() {
        let journal = MemoryJournal::default();
        assert_eq!(standing(&journal, "a").await, Standing::Run { attempt: 1 });
        assert_eq!(standing(&journal, "a").await, Standing::Run { attempt: 2 });
        journal.finish("a", &Reply::completed("x")).await.unwrap();
        assert_eq!(standing(&journal, "a").await, Standing::Finished(Reply::completed("x")));
        journal.replied("a").await.unwrap();
        assert_eq!(standing(&journal, "a").await, Standing::Replied);
    }

    #[tokio::test]
    async fn answered_ids_are_bounded() {
        let journal = MemoryJournal::default();
        for n in 0..=KEPT_ANSWERED {
            journal.replied(&n.to_string()).await.unwrap();
        }
        assert_eq!(journal.with(|state| state.messages.len()), KEPT_ANSWERED);
        assert_eq!(standing(&journal, "0").await, Standing::Run { attempt: 1 });
        assert_eq!(standing(&journal, "1").await, Standing::Replied);
    }
}
