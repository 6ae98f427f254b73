//! Adds a task to an incident from the dialog of the menu item "Add Task", and makes the user who asked a member of the
//! incident so that they can own it.

mod customize;

use std::sync::Arc;

use circuits::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

circuits::register! {
    Registration::new("add_task", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

struct AddTask;

/// The activity fields of the dialog.
#[derive(Deserialize)]
struct Dialog {
    task_name: String,
    task_phase: Value,
    task_instructions: Option<String>,
}

fn component(_setup: &Setup) -> Result<Component> {
    Ok(Component::builder("add_task", AddTask).on("Add Task", AddTask::add).build())
}

impl AddTask {
    async fn add(self: Arc<Self>, action: Action) -> Result<Reply> {
        let dialog: Dialog = action.fields()?;
        let incident = action.incident_id()?;
        let phase = action
            .type_info()
            .label("actioninvocation", "task_phase", &dialog.task_phase)
            .ok_or_else(|| {
                Error::new(
                    "the action does not say which phase was chosen (type_info has no label for task_phase)",
                )
            })?;

        let owner = self.owner(&action, incident).await?;
        let task = json!({
            "name": dialog.task_name,
            "instr_text": dialog.task_instructions,
            // The phase goes by name: the dialog's choices have other ids than the incident's phases.
            "phase_id": {"name": phase},
            "owner_id": owner,
        });
        action.rest().post::<_, Value>(&format!("/incidents/{incident}/tasks"), &task).await?;
        Ok(Reply::completed(format!("Task \"{}\" added to phase {phase}", dialog.task_name)))
    }

    /// The user who asked, as a member of the incident; `None` for an account that cannot own tasks, such as an API key.
    async fn owner(&self, action: &Action, incident: i64) -> Result<Option<i64>> {
        let Some(user) = action.user() else { return Ok(None) };
        let account: Value = action.rest().get(&format!("/users/{}", user.id)).await?;
        let owner = account["id"].as_i64().unwrap_or(user.id);
        action.rest().add_member(&format!("/incidents/{incident}"), owner).await?;
        Ok(Some(owner))
    }
}
