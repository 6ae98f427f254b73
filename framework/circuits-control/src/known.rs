//! The commands that are being answered, and the last ones that were: a command that comes again over another connection is not
//! answered twice.

use std::collections::{HashMap, VecDeque};

use circuits::QueueMessage;

/// How many commands are remembered, in case their acknowledgement was lost or somebody sends them again.
const REMEMBERED: usize = 10_000;

/// Where a command stands that has just come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    New,
    Running,
    Answered,
}

/// By the ids of their messages.
#[derive(Debug, Default)]
pub(crate) struct Known {
    running: HashMap<String, QueueMessage>,
    answered: VecDeque<String>,
    /// Ids of signed commands.
    used: VecDeque<String>,
}

impl Known {
    pub(crate) fn see(&mut self, message: &QueueMessage) -> Seen {
        // Without an id it cannot be known again.
        let Some(id) = message.id() else { return Seen::New };
        if self.answered.contains(&id) {
            return Seen::Answered;
        }
        if self.running.insert(id, message.clone()).is_some() { Seen::Running } else { Seen::New }
    }

    /// Notes the id of a signed command. False if one with it came before: a signature is for one message.
    pub(crate) fn first_use(&mut self, id: &str) -> bool {
        let first = !self.used.iter().any(|used| used == id);
        if first {
            remember(&mut self.used, id.to_owned());
        }
        first
    }

    /// Notes that a command is answered, and returns what came of it last.
    pub(crate) fn answered(&mut self, message: &QueueMessage) -> Option<QueueMessage> {
        let id = message.id()?;
        let newest = self.running.remove(&id);
        remember(&mut self.answered, id);
        newest
    }
}

fn remember(ids: &mut VecDeque<String>, id: String) {
    ids.push_back(id);
    if ids.len() > REMEMBERED {
        ids.pop_front();
    }
}
