//! Invoking a rule (what the Actions menu does) and the Action Status list.
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Answer;
use super::extract::{Body, Caller, Path};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{Kind, Subject};

type Shared = State<Arc<Core>>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents/{id}/action_invocations", get(list).post(invoke))
}

async fn list(State(core): Shared, Path((_, incident)): Path<(i64, i64)>, _: Caller) -> Answer {
    let state = core.platform.lock();
    state.objects.find(Kind::Incident, incident)?;
    let records = state.invocations.of_incident(incident);
    Ok(Json(json!({"entities": records.map(crate::platform::Record::json).collect::<Vec<_>>()})))
}

/// `{"action_id", "properties"}`, and for objects other than the incident one of `task_id`, `note_id`, `artifact_id`,
/// `milestone_id`, `attachment_id`. Answers with the invocation.
async fn invoke(
    State(core): Shared,
    Path((_, incident)): Path<(i64, i64)>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let rule =
        body["action_id"].as_i64().ok_or_else(|| ApiError::required("action_id", "action id", "number"))?;
    let subject = subject(incident, &body);
    let outgoing = core.platform.lock().invoke(rule, subject, &body["properties"], &caller.cause)?;
    let id = outgoing.first().map(|message| message.invocation);
    let answer =
        id.and_then(|id| core.platform.lock().invocations.get(id).map(crate::platform::Record::json));
    core.send(outgoing);
    Ok(Json(answer.unwrap_or_default()))
}

fn subject(incident: i64, body: &Value) -> Subject {
    let named =
        Kind::ALL.into_iter().find_map(|kind| Some((kind, body[format!("{}_id", kind.name())].as_i64()?)));
    let (kind, id) = named.unwrap_or((Kind::Incident, incident));
    Subject { incident, kind, id }
}
