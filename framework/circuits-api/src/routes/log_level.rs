//! `PUT /api/v1/log_level`: what is logged, until the runner ends.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use circuits::config::LogLevel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::steer::{manages_all, steer};
use crate::access::Who;
use crate::api::Api;
use crate::refusal::{Refusal, Refused};

/// A level of the log.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Level {
    /// DEBUG, INFO, WARNING, ERROR, CRITICAL or TRACE.
    level: String,
}

/// Changes what is logged until the runner ends.
#[utoipa::path(put, path = "/api/v1/log_level", tag = "steering", request_body = Level,
    responses((status = 200, body = Level), (status = 400, body = Refused), (status = 403, body = Refused)))]
pub(super) async fn set(State(api): State<Arc<Api>>, who: Who, body: Bytes) -> Result<Json<Level>, Refusal> {
    let asked = serde_json::from_slice::<Level>(&body);
    let on = asked.as_ref().map_or_else(|_| "?".to_owned(), |asked| asked.level.clone());
    let act = async {
        let cure = r#"the body must be JSON such as {"level": "DEBUG"}"#;
        let Level { level } = asked.map_err(|error| Refusal::wrong(format!("{cure}: {error}")))?;
        let level: LogLevel =
            level.parse().map_err(|wrong| Refusal::wrong(format!("level={level}: it {wrong}")))?;
        let log = api.context.steering().log();
        let log = log.ok_or_else(|| {
            Refusal::conflict("this runner's log belongs to somebody else; set its level there")
        })?;
        log.set(level);
        Ok(level)
    };
    let level = steer(&api, &who, ("log_level", on), manages_all(&who), act).await?;
    Ok(Json(Level { level: level.to_string() }))
}
