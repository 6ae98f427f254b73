//! Keeps the name of the person who has to act next on an incident, the owner of its first open task, in the custom field
//! `next_task_owned_by`.
//!
//! Shows `debounce(..).newest()`: closing a phase changes many tasks at once, and one look at the end is enough. The
//! earlier actions are completed with a reply that says so.

mod customize;

use std::sync::Arc;
use std::time::Duration;

use circuits::prelude::*;
use serde::Deserialize;
use serde_json::Value;

circuits::register! {
    Registration::new("next_task_owner", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

/// The section `[next_task_owner]`.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    /// Seconds.
    quiet: u64,
    /// Seconds.
    max_wait: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { quiet: 2, max_wait: 30 }
    }
}

struct NextTaskOwner;

fn component(setup: &Setup) -> Result<Component> {
    let Settings { quiet, max_wait } = setup.settings()?;
    if quiet > 3600 || max_wait > 3600 {
        return Err(Error::new(
            "quiet and max_wait in [next_task_owner] must be in the range 0 to 3600 (seconds)",
        ));
    }
    let on_task = debounce(Duration::from_secs(quiet), NextTaskOwner::set)
        .newest()
        .max_wait(Duration::from_secs(max_wait));
    Ok(Component::builder("next_task_owner", NextTaskOwner)
        .requires_field("next_task_owned_by", "text")
        .on("Task Changed", on_task)
        .build())
}

impl NextTaskOwner {
    async fn set(self: Arc<Self>, action: Action) -> Result<Reply> {
        let incident = action.incident_id()?;
        // Read the tasks as they are now; the message contains only one of them, as it was then.
        let tasks: Vec<Value> = action.rest().get(&format!("/incidents/{incident}/tasks")).await?;
        let next = match tasks.iter().find(|task| task["status"] == "O") {
            None => "All tasks complete".to_owned(),
            Some(task) => match task["owner_id"].as_i64() {
                None => "Nobody".to_owned(),
                Some(owner) => {
                    let users = action.rest().users().await?;
                    users.name(owner).map_or_else(|| format!("User {owner}"), str::to_owned)
                }
            },
        };
        action
            .rest()
            .update(&format!("/incidents/{incident}"), |object| {
                object["properties"]["next_task_owned_by"] = next.as_str().into();
            })
            .await?;
        Ok(Reply::completed(format!("next_task_owned_by set to \"{next}\"")))
    }
}
