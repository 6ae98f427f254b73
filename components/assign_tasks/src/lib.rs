//! Gives all unassigned open tasks of an incident, or of one of its phases, to one person.
//!
//! Shows cached look-ups (a user and a phase by name), and a bulk update that loses nobody's edit: if somebody has changed one
//! of the tasks in the meantime, the platform refuses the whole update, and the component reads and selects the tasks again.

mod customize;

use std::sync::Arc;

use circuits::prelude::*;
use serde::Deserialize;
use serde_json::Value;

circuits::register! {
    Registration::new("assign_tasks", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

/// How many bulk updates to try before giving up, if people keep editing the same tasks.
const TRIES: u32 = 5;

struct AssignTasks;

/// The activity fields of the dialog.
#[derive(Deserialize)]
struct Dialog {
    assign_to: Option<String>,
    assign_phase: Option<Value>,
}

fn component(_setup: &Setup) -> Result<Component> {
    Ok(Component::builder("assign_tasks", AssignTasks).on("Assign Tasks", AssignTasks::assign).build())
}

impl AssignTasks {
    async fn assign(self: Arc<Self>, action: Action) -> Result<Reply> {
        let dialog: Dialog = action.fields()?;
        let incident = action.incident_id()?;
        let users = action.rest().users().await?;
        let owner = match dialog.assign_to.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => users.id(name).ok_or_else(|| {
                Error::new(format_args!("The organization has no user with the name or e-mail \"{name}\""))
            })?,
            None => action.user().map(|user| user.id).ok_or_else(|| {
                Error::new("Name a user: the rule was not invoked by a user who could own tasks")
            })?,
        };
        let phase = phase(&action, dialog.assign_phase.as_ref()).await?;

        // Only members of an incident can own its tasks.
        action.rest().add_member(&format!("/incidents/{incident}"), owner).await?;

        let mut tries = 0;
        loop {
            tries += 1;
            let tasks = free_tasks(&action, incident, phase.as_ref(), owner).await?;
            let name = users.name(owner).unwrap_or("the user");
            if tasks.is_empty() {
                return Ok(Reply::completed("There is no unassigned open task"));
            }
            match action.rest().put::<_, Value>("/tasks", &tasks).await {
                Ok(_) => return Ok(Reply::completed(format!("Tasks assigned to {name}: {}", tasks.len()))),
                Err(error) if error.is_conflict() && tries < TRIES => {}
                Err(error) => return Err(Error::from(error).context("No task was assigned")),
            }
        }
    }
}

/// The incident phase with the chosen label: the dialog's choices have other ids than the phases.
async fn phase(action: &Action, chosen: Option<&Value>) -> Result<Option<Value>> {
    let Some(chosen) = chosen.filter(|chosen| !chosen.is_null()) else { return Ok(None) };
    let label = action.type_info().label("actioninvocation", "assign_phase", chosen).ok_or_else(|| {
        Error::new("the action does not say which phase was chosen (type_info has no label for assign_phase)")
    })?;
    let fields = action.rest().fields("incident").await?;
    let phase = fields.field("phase_id")?.choice(label).cloned();
    phase.map(Some).ok_or_else(|| Error::new(format_args!("The organization has no phase \"{label}\"")))
}

/// The unassigned open tasks, in full and with the new owner.
async fn free_tasks(action: &Action, incident: i64, phase: Option<&Value>, owner: i64) -> Result<Vec<Value>> {
    let free = |task: &Value| {
        task["status"] == "O"
            && task["owner_id"].is_null()
            && phase.is_none_or(|phase| task["phase_id"] == *phase)
    };
    let listed: Vec<Value> = action.rest().get(&format!("/incidents/{incident}/tasks")).await?;
    let mut tasks = Vec::new();
    for id in listed.iter().filter(|task| free(task)).map(|task| &task["id"]) {
        // The short form of a task in a list is not enough to write the task back.
        let mut task: Value = action.rest().get(&format!("/tasks/{id}")).await?;
        if free(&task) {
            task["owner_id"] = owner.into();
            tasks.push(task);
        }
    }
    Ok(tasks)
}
