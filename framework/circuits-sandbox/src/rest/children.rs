//! The objects below an incident: tasks, artifacts, notes, milestones. Each kind defines here how an object is created, and what
//! the platform answers to that; the endpoints are the same for all.
use std::sync::Arc;

use axum::extract::State;
use axum::routing::{MethodRouter, get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::extract::{Body, Caller, Path};
use super::{Answer, verbs};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{Cause, Kind, State as Store};

type Shared = State<Arc<Core>>;
type Two = Path<(i64, i64)>;
type Three = Path<(i64, i64, i64)>;
/// Builds a whole new object from the number in the path and the body.
type Make = fn(&Store, i64, Value, &Cause) -> Result<Value, ApiError>;
/// The answer about a new object.
type Tell = fn(Value) -> Value;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    let task: Make = |state, incident, body, cause| state.new_task(incident, body, cause);
    let artifact: Make = |state, incident, body, cause| state.new_artifact(incident, body, cause);
    let note: Make = |state, incident, body, cause| state.new_note(incident, None, &body, cause);
    let task_note: Make = |state, task, body, cause| {
        let incident = state.objects.incident_of(Kind::Task, task)?;
        state.new_note(incident, Some(task), &body, cause)
    };
    let milestone: Make = |state, incident, body, _| state.new_milestone(incident, body);
    // As recorded: a task is answered with its id alone, an artifact with a list, as one request may create several.
    let (id, list): (Tell, Tell) = (|object| json!({"id": object["id"]}), |object| json!([object]));
    let itself: Tell = |object| object;

    app.route("/rest/orgs/{org}/incidents/{id}/tasks", listed(Kind::Task).merge(made(Kind::Task, task, id)))
        .route("/rest/orgs/{org}/tasks", put(put_tasks))
        .route("/rest/orgs/{org}/tasks/{id}", whole(Kind::Task))
        .route(
            "/rest/orgs/{org}/tasks/{id}/comments",
            get(task_notes).merge(made(Kind::Note, task_note, itself)),
        )
        .route(
            "/rest/orgs/{org}/incidents/{id}/artifacts",
            listed(Kind::Artifact).merge(made(Kind::Artifact, artifact, list)),
        )
        .route(
            "/rest/orgs/{org}/incidents/{id}/artifacts/{child}",
            child(Kind::Artifact).merge(changed(Kind::Artifact)),
        )
        .route(
            "/rest/orgs/{org}/incidents/{id}/comments",
            listed(Kind::Note).merge(made(Kind::Note, note, itself)),
        )
        .route(
            "/rest/orgs/{org}/incidents/{id}/comments/{child}",
            child(Kind::Note).merge(changed(Kind::Note)),
        )
        .route(
            "/rest/orgs/{org}/incidents/{id}/milestones",
            listed(Kind::Milestone).merge(made(Kind::Milestone, milestone, itself)),
        )
        .route(
            "/rest/orgs/{org}/incidents/{id}/milestones/{child}",
            child(Kind::Milestone).merge(changed(Kind::Milestone)),
        )
}

/// GET, PUT, PATCH and DELETE of an object with a path of its own, `/../{id}`.
pub(super) fn whole(kind: Kind) -> MethodRouter<Arc<Core>> {
    get(move |State(core): Shared, Path((_, id)): Two, caller: Caller| async move {
        verbs::show(&core, kind, id, &caller)
    })
    .put(move |State(core): Shared, Path((_, id)): Two, caller: Caller, Body(body): Body| async move {
        verbs::put(&core, kind, id, body, &caller)
    })
    .patch(move |State(core): Shared, Path((_, id)): Two, caller: Caller, Body(body): Body| async move {
        verbs::patch(&core, kind, id, &body, &caller)
    })
    .delete(move |State(core): Shared, Path((_, id)): Two, _: Caller| async move {
        verbs::remove(&core, kind, id)
    })
}

/// GET of `/incidents/{id}/..`: all objects of a kind below the incident.
pub(super) fn listed(kind: Kind) -> MethodRouter<Arc<Core>> {
    get(move |State(core): Shared, Path((_, id)): Two, caller: Caller| async move {
        verbs::list(&core, kind, id, &caller)
    })
}

/// POST of `/{parent}/{id}/..`: creates an object.
fn made(kind: Kind, make: Make, tell: Tell) -> MethodRouter<Arc<Core>> {
    post(move |State(core): Shared, Path((_, parent)): Two, caller: Caller, Body(body): Body| async move {
        let id = verbs::create(&core, kind, &caller, |state| make(state, parent, body, &caller.cause))?;
        verbs::show(&core, kind, id, &caller).map(|Json(object)| Json(tell(object)))
    })
}

/// GET and DELETE of `/incidents/{id}/../{child}`.
pub(super) fn child(kind: Kind) -> MethodRouter<Arc<Core>> {
    get(move |State(core): Shared, Path((_, incident, id)): Three, caller: Caller| async move {
        verbs::belongs(&core, kind, incident, id)?;
        verbs::show(&core, kind, id, &caller)
    })
    .delete(move |State(core): Shared, Path((_, incident, id)): Three, _: Caller| async move {
        verbs::belongs(&core, kind, incident, id)?;
        verbs::remove(&core, kind, id)
    })
}

/// PUT of `/incidents/{id}/../{child}`.
fn changed(kind: Kind) -> MethodRouter<Arc<Core>> {
    put(
        move |State(core): Shared, Path((_, incident, id)): Three, caller: Caller, Body(body): Body| async move {
            verbs::belongs(&core, kind, incident, id)?;
            verbs::put(&core, kind, id, body, &caller)
        },
    )
}

/// Changes several tasks at once, given as a list of whole tasks: either all of them or none. Answers with the list.
async fn put_tasks(State(core): Shared, Path(_): Path<i64>, caller: Caller, Body(body): Body) -> Answer {
    let given = body.as_array().ok_or_else(|| ApiError::bad("A list of tasks is required."))?;
    let outgoing = {
        let mut state = core.platform.lock();
        let mut tasks = Vec::new();
        for task in given {
            let id = task["id"].as_i64().ok_or_else(|| ApiError::required("id", "id", "number"))?;
            state.objects.check_version(Kind::Task, id, task)?;
            tasks.push((id, state.changed(Kind::Task, id, task.clone())?));
        }
        let each = tasks.into_iter().map(|(id, task)| state.replace(Kind::Task, id, task, &caller.cause));
        each.flatten().collect::<Vec<_>>()
    };
    core.send(outgoing);
    let ids = given.iter().filter_map(|task| task["id"].as_i64());
    let shown: Result<Vec<Value>, ApiError> =
        ids.map(|id| verbs::show(&core, Kind::Task, id, &caller).map(|Json(task)| task)).collect();
    Ok(Json(shown?.into()))
}

async fn task_notes(State(core): Shared, Path((_, task)): Two, _: Caller) -> Answer {
    let state = core.platform.lock();
    let incident = state.objects.incident_of(Kind::Task, task)?;
    let notes = state.objects.of_incident(Kind::Note, incident).filter(|note| note["task_id"] == task);
    Ok(Json(notes.cloned().collect()))
}
