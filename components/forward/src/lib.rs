//! Hands an action to another system, and answers the analyst with what that system says.
//!
//! Shows what events are good for. The handler waits for a callback, while a webhook on `action_waiting` gives the other system
//! the URL for its answer: `webhooks.yml` beside this crate is a sample of one. And a listener writes a line (`loglevel=DEBUG`) for
//! each action that ends well, whichever component handled it.

mod customize;

use std::sync::Arc;
use std::time::Duration;

use circuits::prelude::*;
use circuits::signal::ActionCompleted;
use serde::Deserialize;
use tracing::debug;

circuits::register! {
    Registration::new("forward", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

circuits::listener! { "completed_actions", ActionCompleted => tell }

/// A week. The message stays on the broker for so long.
const LONGEST: u64 = 7 * 24 * 60;

/// The section `[forward]`.
#[derive(Deserialize)]
struct Settings {
    #[serde(default = "callback_minutes")]
    callback_minutes: u64,
}

fn callback_minutes() -> u64 {
    60
}

struct Forward {
    patience: Duration,
}

fn component(setup: &Setup) -> Result<Component> {
    let Settings { callback_minutes: minutes } = setup.settings()?;
    if !(1..=LONGEST).contains(&minutes) {
        return Err(Error::new(format_args!(
            "callback_minutes in [forward] is {minutes}; it must be in the range 1 to {LONGEST}"
        )));
    }
    let forward = Forward { patience: Duration::from_secs(60 * minutes) };
    Ok(Component::builder("forward", forward).on("Forward and wait", Forward::wait).build())
}

impl Forward {
    /// The reply is whatever the other system sends to the callback's URL.
    async fn wait(self: Arc<Self>, action: Action) -> Result<Reply> {
        action.status(format!("Incident {} is with the other system", action.incident_id()?));
        action.callback(self.patience).await
    }
}

/// Hears of every component's actions, beside their messages: no reply waits for it.
async fn tell(done: ActionCompleted) {
    let (about, result) = (&done.about, &done.result);
    debug!(
        rule = about.action.name,
        queue = about.queue,
        incident = about.incident.as_ref().map(|incident| incident.id),
        took_ms = result.took_ms,
        "Completed: {}",
        result.message
    );
}
