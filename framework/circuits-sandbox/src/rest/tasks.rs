//! Tasks, artifacts and notes: what hangs below an incident.
use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, put as put_route};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Answer;
use super::extract::{Body, Caller, Path};
use super::incidents::{patch_object, put, remove, show};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{Format, Kind, State as Store};

type Shared = State<Arc<Core>>;
type Two = Path<(i64, i64)>;
type Three = Path<(i64, i64, i64)>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents/{id}/tasks", get(tasks).post(create_task))
        .route("/rest/orgs/{org}/tasks", put_route(put_tasks))
        .route("/rest/orgs/{org}/tasks/{id}", get(task).put(put_task).patch(patch_task).delete(delete_task))
        .route("/rest/orgs/{org}/incidents/{id}/artifacts", get(artifacts).post(create_artifact))
        .route(
            "/rest/orgs/{org}/incidents/{id}/artifacts/{artifact}",
            get(artifact).put(put_artifact).delete(delete_artifact),
        )
        .route("/rest/orgs/{org}/incidents/{id}/comments", get(notes).post(create_note))
        .route("/rest/orgs/{org}/incidents/{id}/comments/{note}", get(note).put(put_note).delete(delete_note))
        .route("/rest/orgs/{org}/tasks/{id}/comments", get(task_notes).post(create_task_note))
}

/// The objects of a kind below an incident.
pub(super) fn list(core: &Core, kind: Kind, incident: i64, caller: &Caller) -> Answer {
    let state = core.platform.lock();
    state.find(Kind::Incident, incident)?;
    let mut found: Vec<Value> = state.of_incident(kind, incident).into_iter().cloned().collect();
    if caller.format == Format::Names {
        found.iter_mut().for_each(|object| state.types.to_names(kind, object));
    }
    Ok(Json(found.into()))
}

/// Creates what `build` makes, and fires the rules.
pub(super) fn create(
    core: &Core,
    kind: Kind,
    caller: &Caller,
    build: impl FnOnce(&Store) -> Result<Value, ApiError>,
) -> Result<i64, ApiError> {
    let (id, outgoing) = {
        let mut state = core.platform.lock();
        let object = build(&state)?;
        state.create(kind, object, &caller.cause)
    };
    core.send(outgoing);
    Ok(id)
}

/// Refuses an object that belongs to another incident than the path says.
pub(super) fn belongs(core: &Core, kind: Kind, incident: i64, id: i64) -> Result<(), ApiError> {
    let state = core.platform.lock();
    let object = state.find(kind, id)?;
    if object["inc_id"] == incident { Ok(()) } else { Err(ApiError::missing(kind.name(), id)) }
}

async fn tasks(State(core): Shared, Path((_, id)): Two, caller: Caller) -> Answer {
    list(&core, Kind::Task, id, &caller)
}

/// Answers with the id only, as recorded.
async fn create_task(State(core): Shared, Path((_, id)): Two, caller: Caller, Body(body): Body) -> Answer {
    let id = create(&core, Kind::Task, &caller, |state| state.new_task(id, body, &caller.cause))?;
    Ok(Json(json!({"id": id})))
}

async fn task(State(core): Shared, Path((_, id)): Two, caller: Caller) -> Answer {
    show(&core, Kind::Task, id, &caller)
}

async fn put_task(State(core): Shared, Path((_, id)): Two, caller: Caller, Body(body): Body) -> Answer {
    put(&core, Kind::Task, id, body, &caller)
}

/// Several tasks at once, as a list of whole tasks; all of them or none. Answers with the list.
async fn put_tasks(State(core): Shared, Path(_): Path<i64>, caller: Caller, Body(body): Body) -> Answer {
    let given = body.as_array().ok_or_else(|| ApiError::bad("A list of tasks is required."))?;
    let outgoing = {
        let mut state = core.platform.lock();
        let mut tasks = Vec::new();
        for task in given {
            let id = task["id"].as_i64().ok_or_else(|| ApiError::required("id", "id", "number"))?;
            state.check_version(Kind::Task, id, task)?;
            tasks.push((id, state.changed(Kind::Task, id, task.clone())?));
        }
        let each = tasks.into_iter().map(|(id, task)| state.replace(Kind::Task, id, task, &caller.cause));
        each.flatten().collect::<Vec<_>>()
    };
    core.send(outgoing);
    let ids = given.iter().filter_map(|task| task["id"].as_i64());
    let shown: Result<Vec<Value>, ApiError> =
        ids.map(|id| show(&core, Kind::Task, id, &caller).map(|Json(task)| task)).collect();
    Ok(Json(shown?.into()))
}

async fn patch_task(State(core): Shared, Path((_, id)): Two, caller: Caller, Body(body): Body) -> Answer {
    patch_object(&core, Kind::Task, id, &body, &caller)
}

async fn delete_task(State(core): Shared, Path((_, id)): Two, _: Caller) -> Answer {
    remove(&core, Kind::Task, id)
}

async fn artifacts(State(core): Shared, Path((_, id)): Two, caller: Caller) -> Answer {
    list(&core, Kind::Artifact, id, &caller)
}

/// Answers with a list, as the platform does: one request may make several artifacts.
async fn create_artifact(
    State(core): Shared,
    Path((_, id)): Two,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let id = create(&core, Kind::Artifact, &caller, |state| state.new_artifact(id, body, &caller.cause))?;
    let Json(artifact) = show(&core, Kind::Artifact, id, &caller)?;
    Ok(Json(json!([artifact])))
}

async fn artifact(State(core): Shared, Path((_, incident, id)): Three, caller: Caller) -> Answer {
    belongs(&core, Kind::Artifact, incident, id)?;
    show(&core, Kind::Artifact, id, &caller)
}

async fn put_artifact(
    State(core): Shared,
    Path((_, incident, id)): Three,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    belongs(&core, Kind::Artifact, incident, id)?;
    put(&core, Kind::Artifact, id, body, &caller)
}

async fn delete_artifact(State(core): Shared, Path((_, incident, id)): Three, _: Caller) -> Answer {
    belongs(&core, Kind::Artifact, incident, id)?;
    remove(&core, Kind::Artifact, id)
}

async fn notes(State(core): Shared, Path((_, id)): Two, caller: Caller) -> Answer {
    list(&core, Kind::Note, id, &caller)
}

async fn create_note(State(core): Shared, Path((_, id)): Two, caller: Caller, Body(body): Body) -> Answer {
    let id = create(&core, Kind::Note, &caller, |state| state.new_note(id, None, &body, &caller.cause))?;
    show(&core, Kind::Note, id, &caller)
}

async fn note(State(core): Shared, Path((_, incident, id)): Three, caller: Caller) -> Answer {
    belongs(&core, Kind::Note, incident, id)?;
    show(&core, Kind::Note, id, &caller)
}

async fn put_note(
    State(core): Shared,
    Path((_, incident, id)): Three,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    belongs(&core, Kind::Note, incident, id)?;
    put(&core, Kind::Note, id, body, &caller)
}

async fn delete_note(State(core): Shared, Path((_, incident, id)): Three, _: Caller) -> Answer {
    belongs(&core, Kind::Note, incident, id)?;
    remove(&core, Kind::Note, id)
}

async fn task_notes(State(core): Shared, Path((_, task)): Two, _: Caller) -> Answer {
    let state = core.platform.lock();
    let incident = state.find(Kind::Task, task)?["inc_id"].as_i64().unwrap_or_default();
    let notes = state.of_incident(Kind::Note, incident).into_iter().filter(|note| note["task_id"] == task);
    Ok(Json(notes.cloned().collect()))
}

async fn create_task_note(
    State(core): Shared,
    Path((_, task)): Two,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let id = create(&core, Kind::Note, &caller, |state| {
        let incident = state.find(Kind::Task, task)?["inc_id"].as_i64().unwrap_or_default();
        state.new_note(incident, Some(task), &body, &caller.cause)
    })?;
    show(&core, Kind::Note, id, &caller)
}
