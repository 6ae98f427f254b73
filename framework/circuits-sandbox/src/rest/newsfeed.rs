//! The newsfeed of an incident.
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::Answer;
use super::extract::{Caller, Path};
use crate::core::Core;
use crate::platform::Kind;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents/{id}/newsfeed", get(newsfeed))
}

/// The query parameters of the newsfeed.
#[derive(Deserialize)]
struct Wanted {
    object_type: Option<String>,
    entry_type: Option<String>,
    limit: Option<usize>,
}

async fn newsfeed(
    State(core): State<Arc<Core>>,
    Path((_, id)): Path<(i64, i64)>,
    Query(wanted): Query<Wanted>,
    _: Caller,
) -> Answer {
    let state = core.platform.lock();
    state.objects.find(Kind::Incident, id)?;
    let is = |entry: &&Value| {
        let same = |key: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| entry[key] == wanted.as_str())
        };
        same("object_type", &wanted.object_type) && same("entry_type", &wanted.entry_type)
    };
    let entries = state.newsfeed.of(id).iter().filter(is);
    Ok(Json(entries.take(wanted.limit.unwrap_or(usize::MAX)).cloned().collect()))
}
