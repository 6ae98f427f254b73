//! Members of incidents and tasks: a list of user ids, with the version of the incident or task.
use std::sync::Arc;

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Answer;
use super::extract::{Body, Caller, Path};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::Kind;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents/{id}/members", members(Kind::Incident))
        .route("/rest/orgs/{org}/tasks/{id}/members", members(Kind::Task))
}

fn show(core: &Core, kind: Kind, id: i64) -> Answer {
    let state = core.platform.lock();
    let object = state.objects.find(kind, id)?;
    let members = object["members"].as_array().cloned().unwrap_or_default();
    Ok(Json(json!({"members": members, "vers": object["vers"]})))
}

fn set(core: &Core, kind: Kind, id: i64, body: &Value, caller: &Caller) -> Answer {
    let outgoing = {
        let mut state = core.platform.lock();
        state.objects.check_version(kind, id, body)?;
        let members =
            body["members"].as_array().ok_or_else(|| ApiError::bad("A list of members is required."))?;
        let unknown =
            members.iter().find(|id| id.as_i64().is_none_or(|id| state.accounts.user(id).is_none()));
        if let Some(unknown) = unknown {
            return Err(ApiError::bad(format!("There is no user {unknown}.")));
        }
        let mut object = state.objects.find(kind, id)?.clone();
        object["members"] = members.clone().into();
        state.replace(kind, id, object, &caller.cause)
    };
    core.send(outgoing);
    show(core, kind, id)
}

type Shared = State<Arc<Core>>;
type Two = Path<(i64, i64)>;

fn members(kind: Kind) -> MethodRouter<Arc<Core>> {
    get(move |State(core): Shared, Path((_, id)): Two, _: Caller| async move { show(&core, kind, id) }).put(
        move |State(core): Shared, Path((_, id)): Two, caller: Caller, Body(body): Body| async move {
            set(&core, kind, id, &body, &caller)
        },
    )
}
