//! `GET /api/v1/failures`: what failed, grouped by cause.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use circuits::history::{FailureCause, Filter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::input::{Params, window};
use crate::access::Who;
use crate::api::Api;
use crate::refusal::{Refusal, Refused};
use crate::view::ago;

/// The window where the request names none, in seconds.
const DAY: u64 = 86_400;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Window {
    /// Only what arrived at this time (RFC 3339) or later; by default the last 24 hours.
    since: Option<String>,
}

/// Failures by cause.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failures {
    /// The most frequent first.
    failures: Vec<FailureCause>,
}

/// What failed, grouped by cause: replies of one rule that differ only in numbers and ids count as one.
#[utoipa::path(get, path = "/api/v1/failures", tag = "actions", params(Window),
    responses((status = 200, body = Failures), (status = 400, body = Refused), (status = 403, body = Refused)))]
pub(super) async fn failures(
    State(api): State<Arc<Api>>,
    who: Who,
    Params(asked): Params<Window>,
) -> Result<Json<Value>, Refusal> {
    let window = window(asked.since.as_deref(), None)?;
    let filter = Filter {
        since: window.since.or_else(|| Some(ago(DAY))),
        destinations: who.visible(),
        ..Filter::default()
    };
    api.shown(Failures { failures: api.history()?.failures(&filter).await? })
}
