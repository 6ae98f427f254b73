//! What the parts of a runner share while it runs.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use circuits_rest::Client;
use circuits_stomp::Headers;

use crate::Reply;
use crate::delivery::headroom::Headroom;
use crate::message::ActionMessage;
use crate::recording::{Mark, Recorder};
use crate::runtime::live::Live;
use crate::runtime::rules::Rules;
use crate::runtime::vitals::Vitals;

pub(crate) struct Shared {
    pub(crate) live: RwLock<Arc<Live>>,
    pub(crate) rules: Rules,
    pub(crate) client: Client,
    pub(crate) vitals: Arc<Vitals>,
    /// By destination.
    pub(crate) headroom: HashMap<String, Arc<Headroom>>,
    pub(crate) recorder: Option<Arc<Recorder>>,
}

impl Shared {
    /// The components and settings in force.
    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in force, for messages whose handler has not begun yet.
    pub(crate) fn replace(&self, live: Arc<Live>) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }

    /// Records the message, if messages are recorded.
    pub(crate) fn record(
        &self,
        recorded: &OnceLock<Mark>,
        rule: Option<&str>,
        headers: &Headers,
        message: &ActionMessage,
    ) {
        if let Some(recorder) = &self.recorder {
            recorded.get_or_init(|| recorder.message(rule, headers, message));
        }
    }

    /// Records the reply to a recorded message.
    pub(crate) fn record_reply(&self, recorded: &OnceLock<Mark>, reply: &Reply) {
        if let (Some(recorder), Some(mark)) = (&self.recorder, recorded.get()) {
            recorder.reply(mark, reply);
        }
    }

    pub(crate) fn headroom(&self, queue: &str) -> Arc<Headroom> {
        // No message waits on a destination without handlers.
        self.headroom.get(queue).cloned().unwrap_or_else(|| Arc::new(Headroom::new(queue, u32::MAX)))
    }
}
