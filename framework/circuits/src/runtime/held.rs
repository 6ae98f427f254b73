//! The actions that a runner holds at this moment, one by one: for pages that show them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::Health;
use crate::delivery::about::About;
use crate::delivery::seat::Seat;

/// An action that a runner holds. Cheap to clone.
#[derive(Clone)]
pub struct HeldAction {
    pub(crate) about: Arc<About>,
    pub(crate) since: SystemTime,
    pub(crate) state: HeldState,
    pub(crate) seat: Option<Arc<Seat>>,
}

/// What an action that is held does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldState {
    /// Its handler is at work.
    Running,
    /// It waits in `defer`, `debounce` and the like, or works in the background.
    Waiting,
    /// It waits for a worker, for the message before it of the same incident, or for its destination to go on.
    Queued,
}

impl HeldState {
    /// The state in one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Queued => "queued",
        }
    }
}

impl HeldAction {
    /// The message's id.
    pub fn message_id(&self) -> &str {
        &self.about.id
    }

    /// The full name of the destination that it came from, `actions.<org>.<name>`.
    pub fn destination(&self) -> &str {
        self.about.destination()
    }

    /// The rule; known once the handler has begun.
    pub fn rule(&self) -> Option<&str> {
        self.about.rule()
    }

    /// The incident.
    pub fn incident(&self) -> Option<i64> {
        self.about.incident()
    }

    /// What it does.
    pub fn state(&self) -> HeldState {
        self.state
    }

    /// When its handler began; for one that is queued, when it came.
    pub fn since(&self) -> SystemTime {
        self.since
    }

    /// What its handler waits for, if it waits and says so.
    pub fn reason(&self) -> Option<String> {
        self.seat.as_ref()?.reason()
    }
}

impl fmt::Debug for HeldAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldAction").field("id", &self.about.id).field("state", &self.state).finish()
    }
}

impl Health {
    /// Every action that the runner holds, the oldest first. It costs a fraction of a microsecond for each.
    pub fn held(&self) -> Vec<HeldAction> {
        let mut all = self.shared.vitals.held();
        all.sort_by_key(|one| one.since);
        all
    }
}
