//! The time of day as it was when the journal was opened, and the time that has passed since: a clock that is set forward or
//! back meanwhile makes nothing in the journal old or young.

use std::time::{Duration, Instant, SystemTime};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    opened: SystemTime,
    since: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { opened: SystemTime::now(), since: Instant::now() }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.opened.checked_add(self.since.elapsed()).unwrap_or(self.opened)
    }

    /// The time `age` ago.
    pub(crate) fn ago(&self, age: Duration) -> Option<SystemTime> {
        self.now().checked_sub(age)
    }
}
