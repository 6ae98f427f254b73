//! `GET /api/v1/runner` and `/now`: how the runner is doing, and what it works on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::access::Who;
use crate::api::Api;
use crate::refusal::{Refusal, Refused};
use crate::view::{Moment, Now, RunnerView};

/// How the runner is doing, with the destinations that the account may see.
#[utoipa::path(get, path = "/api/v1/runner", tag = "runner", responses((status = 200, body = RunnerView), (status = 403, body = Refused)))]
pub(super) async fn runner(State(api): State<Arc<Api>>, who: Who) -> Result<Json<Value>, Refusal> {
    api.shown(Moment::now(&api).runner(&api, &who))
}

/// What runs, waits and is queued now.
#[utoipa::path(get, path = "/api/v1/now", tag = "runner", responses((status = 200, body = Now), (status = 403, body = Refused)))]
pub(super) async fn now(State(api): State<Arc<Api>>, who: Who) -> Result<Json<Value>, Refusal> {
    api.shown(Moment::now(&api).actions(&api, &who).await)
}
