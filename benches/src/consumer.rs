//! What is measured: every way to answer a message, under one name and one handle.

use std::fmt;

use circuits_sandbox::Sandbox;
use circuits_tests::broker::{Broker, Kind};

use crate::null::{self, Null};
use crate::ours::{Ours, Remembers, ReplyMode};

/// A way to answer messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Consumer {
    Null(null::Mode),
    Ours(ReplyMode, Remembers),
}

/// A consumer at work.
pub(crate) enum Running {
    Null(Null),
    Ours(Ours),
}

impl Consumer {
    /// All that are measured on this broker.
    pub(crate) fn all(kind: Kind) -> impl Iterator<Item = Self> {
        let all = [
            Self::Null(null::Mode::ReceiptPerReply),
            Self::Null(null::Mode::ReceiptPerBatch),
            Self::Ours(ReplyMode::Confirmed, Remembers::InMemory),
            Self::Ours(ReplyMode::Confirmed, Remembers::InJournal),
            Self::Null(null::Mode::Transaction),
            Self::Ours(ReplyMode::Transaction, Remembers::InMemory),
            Self::Ours(ReplyMode::Transaction, Remembers::InJournal),
        ];
        all.into_iter().filter(move |one| match one {
            // RabbitMQ confirms in any order: one receipt says nothing about the replies before it.
            Self::Null(null::Mode::ReceiptPerBatch) => kind != Kind::RabbitMq,
            _ => true,
        })
    }

    pub(crate) async fn start(self, broker: &Broker, sandbox: &Sandbox, queue: &str) -> Running {
        match self {
            Self::Null(mode) => Running::Null(Null::start(broker, queue, mode).await),
            Self::Ours(mode, memory) => Running::Ours(Ours::start(broker, sandbox, mode, memory).await),
        }
    }
}

impl Running {
    /// Ends it once the broker has every acknowledgement.
    pub(crate) async fn stop(self) {
        match self {
            Self::Null(null) => null.stop().await,
            Self::Ours(ours) => ours.stop().await,
        }
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
        })
    }
}
