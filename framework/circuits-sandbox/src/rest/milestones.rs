//! Milestones of an incident, and its newsfeed.
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::Answer;
use super::extract::{Body, Caller, Path};
use super::incidents::{put, remove, show};
use super::tasks::{belongs, create, list};
use crate::core::Core;
use crate::platform::Kind;

type Shared = State<Arc<Core>>;
type Two = Path<(i64, i64)>;
type Three = Path<(i64, i64, i64)>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents/{id}/milestones", get(milestones).post(create_milestone))
        .route(
            "/rest/orgs/{org}/incidents/{id}/milestones/{milestone}",
            get(milestone).put(put_milestone).delete(delete_milestone),
        )
        .route("/rest/orgs/{org}/incidents/{id}/newsfeed", get(newsfeed))
}

async fn milestones(State(core): Shared, Path((_, id)): Two, caller: Caller) -> Answer {
    list(&core, Kind::Milestone, id, &caller)
}

async fn create_milestone(
    State(core): Shared,
    Path((_, id)): Two,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let id = create(&core, Kind::Milestone, &caller, |state| state.new_milestone(id, body))?;
    show(&core, Kind::Milestone, id, &caller)
}

async fn milestone(State(core): Shared, Path((_, incident, id)): Three, caller: Caller) -> Answer {
    belongs(&core, Kind::Milestone, incident, id)?;
    show(&core, Kind::Milestone, id, &caller)
}

async fn put_milestone(
    State(core): Shared,
    Path((_, incident, id)): Three,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    belongs(&core, Kind::Milestone, incident, id)?;
    put(&core, Kind::Milestone, id, body, &caller)
}

async fn delete_milestone(State(core): Shared, Path((_, incident, id)): Three, _: Caller) -> Answer {
    belongs(&core, Kind::Milestone, incident, id)?;
    remove(&core, Kind::Milestone, id)
}

/// What may be asked of the newsfeed.
#[derive(Deserialize)]
struct Wanted {
    object_type: Option<String>,
    entry_type: Option<String>,
    limit: Option<usize>,
}

async fn newsfeed(
    State(core): Shared,
    Path((_, id)): Two,
    Query(wanted): Query<Wanted>,
    _: Caller,
) -> Answer {
    let state = core.platform.lock();
    state.find(Kind::Incident, id)?;
    let is = |entry: &&Value| {
        let same = |key: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| entry[key] == wanted.as_str())
        };
        same("object_type", &wanted.object_type) && same("entry_type", &wanted.entry_type)
    };
    let entries = state.newsfeed.get(&id).into_iter().flatten().filter(is);
    Ok(Json(entries.take(wanted.limit.unwrap_or(usize::MAX)).cloned().collect()))
}
