//! What the stages know of a message, as its signals tell it: its names from the start, the rule once that is found.

use std::sync::OnceLock;
use std::time::Duration;

use circuits_stomp::Delivery;
use tokio::time::Instant;

use crate::Reply;
use crate::journal::Outcome;
use crate::message::{ActionMessage, DestinationName};
use crate::signal::{
    AboutAction, AboutIncident, AboutMessage, AboutOrg, AboutRule, ActionCompleted, ActionFailed,
    ActionResult, ActionSetAside, EventKind, Signal,
};

/// One message.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) id: String,
    destination: String,
    attempt: u32,
    begun: OnceLock<Instant>,
    details: OnceLock<Details>,
    rule: OnceLock<String>,
    outcome: OnceLock<Outcome>,
}

#[derive(Debug)]
struct Details {
    incident: Option<i64>,
    function: Option<String>,
    action_id: Option<i64>,
}

impl About {
    pub(crate) fn new(id: String, delivery: &Delivery, attempt: u32) -> Self {
        Self {
            id,
            destination: delivery.subscription.clone(),
            attempt,
            begun: OnceLock::new(),
            details: OnceLock::new(),
            rule: OnceLock::new(),
            outcome: OnceLock::new(),
        }
    }

    /// The message could be read.
    pub(crate) fn read(&self, message: &ActionMessage) {
        self.details.get_or_init(|| Details {
            incident: message.incident_id(),
            function: message.function().map(str::to_owned),
            action_id: message.action_id(),
        });
    }

    /// Its turn has come: from now on its time counts.
    pub(crate) fn begins(&self) {
        self.begun.get_or_init(Instant::now);
    }

    /// How long it has taken since its turn came; zero before that.
    pub(crate) fn took(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Its rule is known.
    pub(crate) fn of_rule(&self, rule: &str) {
        self.rule.get_or_init(|| rule.to_owned());
    }

    /// The full name of the destination that it came from.
    pub(crate) fn destination(&self) -> &str {
        &self.destination
    }

    /// Its rule, once that is known.
    pub(crate) fn rule(&self) -> Option<&str> {
        self.rule.get().map(String::as_str)
    }

    /// The incident, if it has one.
    pub(crate) fn incident(&self) -> Option<i64> {
        self.details.get().and_then(|details| details.incident)
    }

    /// What a signal says of it.
    pub(crate) fn facts(&self) -> AboutAction {
        let name = DestinationName::parse(&self.destination);
        let org = name.as_ref().and_then(|name| name.org.parse().ok());
        let details = self.details.get();
        AboutAction {
            message: AboutMessage { id: self.id.clone(), destination: self.destination.clone() },
            action: AboutRule {
                name: self.rule.get().cloned(),
                function: details.and_then(|details| details.function.clone()),
                id: details.and_then(|details| details.action_id),
                attempt: self.attempt,
            },
            queue: name.map_or_else(String::new, |name| name.queue),
            org: AboutOrg { id: org },
            incident: self.incident().map(|id| AboutIncident { id }),
        }
    }

    /// Who made its final reply.
    pub(crate) fn answered_by(&self, outcome: Outcome) {
        self.outcome.get_or_init(|| outcome);
    }

    fn outcome(&self) -> Outcome {
        // Of a message that was finished before it came again, nobody needs to know here.
        self.outcome.get().copied().unwrap_or(Outcome::Answered)
    }

    /// The kind of the signal that its final reply is known.
    pub(crate) fn ending(&self, reply: &Reply) -> EventKind {
        match (self.outcome(), reply.is_error()) {
            (Outcome::SetAside, _) => EventKind::ActionSetAside,
            (Outcome::Answered, true) => EventKind::ActionFailed,
            (Outcome::Answered, false) => EventKind::ActionCompleted,
        }
    }

    /// The signal that its final reply is known.
    pub(crate) fn finished(&self, reply: &Reply) -> Signal {
        let (about, result, error) = (self.facts(), self.result(reply), reply.text().to_owned());
        match self.ending(reply) {
            EventKind::ActionSetAside => ActionSetAside { about, result, error }.into(),
            EventKind::ActionFailed => ActionFailed { about, result, error }.into(),
            _ => ActionCompleted { about, result }.into(),
        }
    }

    /// The reply as signals tell it.
    pub(crate) fn result(&self, reply: &Reply) -> ActionResult {
        let took_ms = self.took().as_millis() as u64;
        ActionResult {
            message: reply.text().to_owned(),
            status: self.outcome().status(reply.is_error()),
            took_ms,
        }
    }
}
