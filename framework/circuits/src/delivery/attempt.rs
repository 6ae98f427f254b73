//! Tells the journal when a message's handler is at work, so that after a crash of the process it is known which messages
//! may have brought it down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tracing::{error, warn};

use crate::backoff::pause;
use crate::journal::Journal;
use crate::runtime::vitals::Vitals;

/// The attempt to handle one message.
pub(crate) struct Attempt {
    journal: Arc<dyn Journal>,
    vitals: Arc<Vitals>,
    id: String,
    incident: Option<i64>,
    /// Set once the handler is chosen; before that the message cannot have caused anything.
    rule: OnceLock<Option<String>>,
    /// Whether the journal may have counted it.
    counted: AtomicBool,
}

impl Attempt {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        vitals: Arc<Vitals>,
        id: String,
        incident: Option<i64>,
    ) -> Self {
        Self { journal, vitals, id, incident, rule: OnceLock::new(), counted: AtomicBool::new(false) }
    }

    /// Names the rule, if it is known, whose handler is about to be [`started`](Self::start).
    pub(crate) fn of_rule(&self, rule: Option<&str>) {
        self.rule.get_or_init(|| rule.map(str::to_owned));
    }

    /// Counts the attempt, however long that takes.
    pub(crate) async fn start(&self) {
        let Some(rule) = self.rule.get() else { return };
        let mut failures = 0;
        // Set before the call: it may take effect even if nobody waits for it to the end.
        while !self.counted.swap(true, Ordering::Relaxed) {
            let Err(error) = self.journal.started(&self.id, rule.as_deref(), self.incident).await else {
                if failures > 0 {
                    self.vitals.journal_works();
                }
                return;
            };
            self.counted.store(false, Ordering::Relaxed);
            self.vitals.held_up(&error);
            error!(message_id = self.id, %error, "The journal could not note the start of the handler; the handler waits");
            failures += 1;
            tokio::time::sleep(pause(failures)).await;
        }
    }

    /// Takes the attempt back if it is counted.
    pub(crate) async fn release(&self) {
        if self.counted.swap(false, Ordering::Relaxed)
            && let Err(error) = self.journal.released(&self.id).await
        {
            warn!(message_id = self.id, %error, "The journal could not note that the handler is not at work; the attempt counts");
        }
    }
}
