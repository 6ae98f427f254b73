//! Exports of the configuration, and imports of them, which a client posts, looks at, and accepts or rejects.
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Answer;
use super::extract::{Body, Caller, Path};
use crate::api_error::ApiError;
use crate::core::Core;

/// The largest export, in bytes.
const LARGEST: usize = 64 << 20;

type Shared = State<Arc<Core>>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/configurations/imports", post(begin).layer(DefaultBodyLimit::max(LARGEST)))
        .route("/rest/orgs/{org}/configurations/imports/{id}", put(decide))
        .route("/rest/orgs/{org}/configurations/exports", post(export))
        .route("/rest/orgs/{org}/configurations/exports/", post(export))
        .route("/rest/orgs/{org}/scripts", get(scripts))
        .route("/rest/orgs/{org}/workflows", get(workflows))
}

async fn begin(State(core): Shared, _: Caller, Body(body): Body) -> Answer {
    if body["export_format_version"] != 2 {
        return Err(ApiError::bad(
            "The import has no export_format_version that this platform reads.".to_owned(),
        ));
    }
    let id = core.platform.lock().imports.begin(body);
    Ok(Json(json!({"id": id, "status": "PENDING", "messages": []})))
}

async fn decide(
    State(core): Shared,
    Path((_, id)): Path<(i64, i64)>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let mut state = core.platform.lock();
    let import = state.imports.take(id).ok_or_else(|| ApiError::missing("import", id))?;
    match body["status"].as_str() {
        Some("ACCEPTED") => state.import(&import, &caller.cause.account)?,
        Some("REJECTED") => {}
        _ => return Err(ApiError::bad("The status must be ACCEPTED or REJECTED.".to_owned())),
    }
    Ok(Json(json!({"id": id, "status": body["status"], "messages": []})))
}

async fn export(State(core): Shared, _: Caller, _: Body) -> Answer {
    Ok(Json(core.platform.lock().definitions.export()))
}

fn named(objects: &[Value]) -> Answer {
    Ok(Json(json!({"entities": objects})))
}

async fn scripts(State(core): Shared, _: Caller) -> Answer {
    named(core.platform.lock().definitions.scripts())
}

async fn workflows(State(core): Shared, _: Caller) -> Answer {
    named(core.platform.lock().definitions.workflows())
}
