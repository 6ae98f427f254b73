//! Writes a milestone with the name of the phase when an incident enters it, unless the incident already has one with that name.
//!
//! Shows `defer`: the newsfeed, which knows the previous phase, lags behind the change that fires the rule. While an action
//! waits it takes no worker, and the message stays with the broker.

mod customize;

use std::sync::Arc;
use std::time::Duration;

use circuits::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

circuits::register! {
    Registration::new("phase_milestone", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

/// The section `[phase_milestone]`.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    /// Seconds.
    delay: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { delay: 3 }
    }
}

struct PhaseMilestone;

fn component(setup: &Setup) -> Result<Component> {
    let Settings { delay } = setup.settings()?;
    if delay > 3600 {
        return Err(Error::new("delay in [phase_milestone] must be in the range 0 to 3600 (seconds)"));
    }
    let on_phase = defer(Duration::from_secs(delay), PhaseMilestone::write);
    Ok(Component::builder("phase_milestone", PhaseMilestone).on("Phase Changed", on_phase).build())
}

impl PhaseMilestone {
    async fn write(self: Arc<Self>, action: Action) -> Result<Reply> {
        let incident = action.incident_id()?;
        // Use the phase in the message, not the one the incident may be in by now.
        let phase = action
            .type_info()
            .label("incident", "phase_id", &action.incident()?["phase_id"])
            .ok_or_else(|| Error::new("the message does not name the incident's phase (type_info)"))?;
        let path = format!("/incidents/{incident}/milestones");
        let milestones: Vec<Value> = action.rest().get(&path).await?;
        // This also makes a second run for the same message harmless.
        if milestones.iter().any(|milestone| milestone["title"] == phase) {
            return Ok(Reply::completed(format!("There is a milestone \"{phase}\" already")));
        }
        let milestone = json!({
            "title": phase,
            "description": before(&action, incident, phase).await?.map_or_else(String::new, |from| {
                format!("Phase changed from {from} to {phase}")
            }),
            "date": action.header("timestamp").and_then(|date| date.parse::<i64>().ok()),
        });
        action.rest().post::<_, Value>(&path, &milestone).await?;
        Ok(Reply::completed(format!("Milestone \"{phase}\" added")))
    }
}

/// The previous phase, if the newsfeed shows it by now.
async fn before(action: &Action, incident: i64, phase: &str) -> Result<Option<String>> {
    let path = format!("/incidents/{incident}/newsfeed?object_type=INCIDENT&entry_type=PHASE_CHANGE");
    let entries: Vec<Value> = action.rest().get(&path).await?;
    let entry = entries.iter().find(|entry| entry["after"] == phase);
    Ok(entry.and_then(|entry| entry["before"].as_str()).map(str::to_owned))
}
