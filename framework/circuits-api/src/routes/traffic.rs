//! `GET /api/v1/traffic`: the last hour, minute by minute.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Who;
use crate::api::Api;
use crate::refusal::{Refusal, Refused};
use crate::traffic::MinuteOfTraffic;

/// The last hour.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrafficView {
    /// 60 of them, the oldest first; the last one goes on.
    minutes: Vec<MinuteOfTraffic>,
}

/// What was answered in each minute of the last hour since the runner started, and how long that took.
#[utoipa::path(get, path = "/api/v1/traffic", tag = "runner", responses((status = 200, body = TrafficView), (status = 403, body = Refused)))]
pub(super) async fn traffic(State(api): State<Arc<Api>>, who: Who) -> Result<Json<TrafficView>, Refusal> {
    let visible = |destination: &str| who.sees(destination);
    Ok(Json(TrafficView { minutes: api.traffic.hour(Timestamp::now(), visible) }))
}
