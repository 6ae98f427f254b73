//! The kinds of signals, under the names that webhooks, subscriptions and schemas use for them.

use std::fmt;

/// What a signal is about; each kind is the type of one CloudEvents event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// A message has arrived that the runner did not know.
    ActionReceived,
    /// A handler starts on a message.
    ActionStarted,
    /// A handler reported progress.
    ActionProgress,
    /// A handler waits: for quiet, for its time, for an answer from elsewhere.
    ActionWaiting,
    /// The final reply is known, and it is not an error.
    ActionCompleted,
    /// The final reply is known, and it is an error.
    ActionFailed,
    /// The message was set aside: after too many attempts, or by an operator.
    ActionSetAside,
    /// The broker has the reply.
    ActionAnswered,
    /// The runner has subscribed to all of its destinations.
    RunnerReady,
    /// The runner was told to stop.
    RunnerStopping,
    /// A destination delivers from now on; again after each reconnect.
    DestinationSubscribed,
    /// The connection to the broker is lost, or could not be made.
    BrokerDisconnected,
    /// A subscription was switched off after too many failures.
    SubscriptionDisabled,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::ActionReceived,
        Self::ActionStarted,
        Self::ActionProgress,
        Self::ActionWaiting,
        Self::ActionCompleted,
        Self::ActionFailed,
        Self::ActionSetAside,
        Self::ActionAnswered,
        Self::RunnerReady,
        Self::RunnerStopping,
        Self::DestinationSubscribed,
        Self::BrokerDisconnected,
        Self::SubscriptionDisabled,
    ];

    /// The name in webhook definitions, such as `action_completed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActionReceived => "action_received",
            Self::ActionStarted => "action_started",
            Self::ActionProgress => "action_progress",
            Self::ActionWaiting => "action_waiting",
            Self::ActionCompleted => "action_completed",
            Self::ActionFailed => "action_failed",
            Self::ActionSetAside => "action_set_aside",
            Self::ActionAnswered => "action_answered",
            Self::RunnerReady => "runner_ready",
            Self::RunnerStopping => "runner_stopping",
            Self::DestinationSubscribed => "destination_subscribed",
            Self::BrokerDisconnected => "broker_disconnected",
            Self::SubscriptionDisabled => "subscription_disabled",
        }
    }

    /// The `type` of its CloudEvents event, such as `circuits.action.completed`.
    pub fn event_type(self) -> String {
        format!("circuits.{}", self.name().replacen('_', ".", 1))
    }

    /// The kind with this name or event type.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text || kind.event_type() == text)
    }

    /// Whether it is about one action.
    pub fn is_action(self) -> bool {
        self.name().starts_with("action_")
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct EventKinds(u32);

impl EventKinds {
    /// Every kind.
    pub fn all() -> Self {
        EventKind::ALL.into_iter().collect()
    }

    /// Whether the kind is one of them.
    pub fn contains(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as a number, for an atomic.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set that [`bits`](Self::bits) gave; bits that stand for nothing are ignored.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & Self::all().0)
    }
}

impl From<EventKind> for EventKinds {
    fn from(kind: EventKind) -> Self {
        [kind].into_iter().collect()
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<T: IntoIterator<Item = EventKind>>(kinds: T) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u32))
    }
}

impl fmt::Debug for EventKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(EventKind::ALL.into_iter().filter(|kind| self.contains(*kind))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_by_either_of_its_names() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.name()), Some(kind));
            assert_eq!(EventKind::parse(&kind.event_type()), Some(kind));
        }
        assert_eq!(EventKind::ActionSetAside.event_type(), "circuits.action.set_aside");
        assert_eq!(EventKind::parse("create_user"), None);
    }

    #[test]
    fn a_set_contains_what_it_was_made_of() {
        let kinds: EventKinds =
            [EventKind::ActionReceived, EventKind::SubscriptionDisabled].into_iter().collect();
        let inside: Vec<_> = EventKind::ALL.into_iter().filter(|kind| kinds.contains(*kind)).collect();
        assert_eq!(inside, [EventKind::ActionReceived, EventKind::SubscriptionDisabled]);
        assert_eq!(EventKinds::from_bits(kinds.bits()), kinds);
        assert!(EventKinds::default().is_empty() && !EventKinds::all().is_empty());
    }
}
