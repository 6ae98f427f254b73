//! The measured consumers: every way to answer a message, under one name.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use tokio::io::AsyncReadExt as _;

use crate::child::SUBSCRIBED;
use crate::null::{self, Null};
use crate::ours::{Ours, Remembers, ReplyMode};
use crate::peer;
use crate::place::Name;

/// A way to answer messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumer {
    Null(null::Mode),
    Ours(ReplyMode, Remembers),
    /// The runner with its default settings and, as it ships, with its extensions.
    Shipped,
    /// The Python client.
    Peer,
}

/// All of them, in the order of the table.
const ALL: [Consumer; 9] = [
    Consumer::Null(null::Mode::ReceiptPerReply),
    Consumer::Null(null::Mode::ReceiptPerBatch),
    Consumer::Ours(ReplyMode::Confirmed, Remembers::InMemory),
    Consumer::Ours(ReplyMode::Confirmed, Remembers::InJournal),
    Consumer::Null(null::Mode::Transaction),
    Consumer::Ours(ReplyMode::Transaction, Remembers::InMemory),
    Consumer::Ours(ReplyMode::Transaction, Remembers::InJournal),
    Consumer::Peer,
    Consumer::Shipped,
];

impl Consumer {
    /// All consumers that are measured on this broker.
    pub(crate) fn all(on: Name) -> impl Iterator<Item = Self> {
        ALL.into_iter().filter(move |one| match one {
            // RabbitMQ confirms in any order, so one receipt does not confirm the replies before it.
            Self::Null(null::Mode::ReceiptPerBatch) => on != Name::RabbitMq,
            // It asks RabbitMQ for the virtual host `localhost`, which does not exist.
            Self::Peer => on != Name::RabbitMq && peer::is_there(),
            // It has its place in the measurements of events.
            Self::Shipped => false,
            _ => true,
        })
    }

    /// The null consumer that does the same.
    pub(crate) fn ceiling(self, on: Name) -> Option<Self> {
        match self {
            Self::Ours(ReplyMode::Confirmed, _) if on == Name::RabbitMq => {
                Some(Self::Null(null::Mode::ReceiptPerReply))
            }
            Self::Ours(ReplyMode::Confirmed, _) => Some(Self::Null(null::Mode::ReceiptPerBatch)),
            Self::Ours(ReplyMode::Transaction, _) => Some(Self::Null(null::Mode::Transaction)),
            Self::Null(_) | Self::Peer | Self::Shipped => None,
        }
    }

    /// The runner's own default: twice the number of its workers; with transactions, the number of its workers.
    pub(crate) fn prefetch(self) -> u32 {
        match self {
            Self::Null(null::Mode::Transaction) | Self::Ours(ReplyMode::Transaction, _) => 25,
            _ => 50,
        }
    }

    /// The name as one word.
    pub(crate) fn name(self) -> String {
        ALL.iter().position(|one| *one == self).unwrap_or_default().to_string()
    }

    /// Answers messages until the end of the input.
    pub(crate) async fn consume(self, config: &Path) {
        let text = std::fs::read_to_string(config).unwrap();
        let (mut input, mut rest) = (tokio::io::stdin(), Vec::new());
        match self {
            Self::Null(mode) => {
                let null = Null::start(&text, mode).await;
                println!("{SUBSCRIBED}");
                input.read_to_end(&mut rest).await.unwrap();
                null.stop().await;
            }
            Self::Ours(..) | Self::Shipped => {
                let ours = match self {
                    Self::Ours(mode, memory) => Ours::start(&text, config, mode, memory).await,
                    _ => Ours::shipped(&text, config).await,
                };
                println!("{SUBSCRIBED}");
                input.read_to_end(&mut rest).await.unwrap();
                ours.stop().await;
            }
            Self::Peer => unreachable!("it is another program"),
        }
    }
}

impl FromStr for Consumer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = name.parse::<usize>().ok().and_then(|place| ALL.get(place).copied());
        known.ok_or_else(|| format!("there is no consumer {name}"))
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null(null::Mode::ReceiptPerReply) => "null consumer, a receipt per reply",
            Self::Null(null::Mode::ReceiptPerBatch) => "null consumer, a receipt per batch",
            Self::Null(null::Mode::Transaction) => "null consumer, a transaction per message",
            Self::Ours(ReplyMode::Confirmed, Remembers::InMemory) => {
                "runner, `reply_mode=confirmed`, `journal=off`"
            }
            Self::Ours(ReplyMode::Confirmed, Remembers::InJournal) => "runner, `reply_mode=confirmed`",
            Self::Ours(ReplyMode::Transaction, Remembers::InMemory) => {
                "runner, `reply_mode=transaction`, `journal=off`"
            }
            Self::Ours(ReplyMode::Transaction, Remembers::InJournal) => "runner, `reply_mode=transaction`",
            Self::Shipped => "runner with its extensions",
            Self::Peer => "Python client (replies neither persistent nor confirmed)",
        })
    }
}
