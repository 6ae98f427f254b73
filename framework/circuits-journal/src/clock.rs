//! The time of day when the journal was opened, plus the time that has passed since: setting the clock forward or back
//! meanwhile makes nothing in the journal older or younger.

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
