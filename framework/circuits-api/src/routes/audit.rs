//! `GET /api/v1/audit`: who steered what, and who was refused.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::input::{Params, limit};
use super::steer::manages_all;
use crate::access::Who;
use crate::api::Api;
use crate::audit::AuditEntry;
use crate::refusal::{Refusal, Refused};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// At most so many, 1 to 500; 50 if it is not given.
    limit: Option<u32>,
}

/// The audit trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct Trail {
    /// Newest first.
    entries: Vec<AuditEntry>,
}

/// Who steered what, and who was refused, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "steering", params(Asked),
    responses((status = 200, body = Trail), (status = 400, body = Refused), (status = 403, body = Refused)))]
pub(super) async fn audit(
    State(api): State<Arc<Api>>,
    who: Who,
    Params(asked): Params<Asked>,
) -> Result<Json<Trail>, Refusal> {
    manages_all(&who)?;
    Ok(Json(Trail { entries: api.audit.newest(limit(asked.limit)?).await? }))
}
