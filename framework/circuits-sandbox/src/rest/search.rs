//! `/rest/search_ex`: a plain text search over incidents, tasks, notes and artifacts.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Answer;
use super::extract::{Body, Caller};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::Kind;

pub(super) async fn search(State(core): State<Arc<Core>>, _: Caller, Body(body): Body) -> Answer {
    let query = body["query"].as_str().filter(|query| !query.is_empty());
    let query = query.ok_or_else(|| ApiError::required("query", "query", "text"))?.to_lowercase();
    let wanted: Option<Vec<&str>> =
        body["types"].as_array().map(|types| types.iter().filter_map(Value::as_str).collect());
    let state = core.platform.lock();
    let mut results = Vec::new();
    for kind in [Kind::Incident, Kind::Task, Kind::Note, Kind::Artifact] {
        if wanted.as_ref().is_some_and(|types| !types.contains(&kind.name())) {
            continue;
        }
        for (id, object) in state.objects.of(kind) {
            let texts =
                ["name", "description", "text", "value"].map(|key| crate::platform::text_of(&object[key]));
            if texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&query)) {
                let incident = if kind == Kind::Incident { &object["id"] } else { &object["inc_id"] };
                results
                    .push(json!({"type_id": kind.name(), "obj_id": id, "inc_id": incident, "result": object,
                    "org_id": state.accounts.org_id()}));
            }
        }
    }
    Ok(Json(json!({"results": results, "partial_result": false})))
}
