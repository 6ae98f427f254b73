//! `/api/v1/destinations/{name}`: pause a message destination and let it go on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use circuits::account::Right;
use serde::Serialize;
use utoipa::ToSchema;

use super::steer::{manages, steer};
use crate::access::Who;
use crate::api::Api;
use crate::refusal::{Refusal, Refused};
use crate::view::PauseView;

/// A message destination that was paused or resumed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Changed {
    /// Its programmatic name.
    name: String,
    /// Since when it is paused; null if it is not.
    paused: Option<PauseView>,
}

/// Pauses a destination: what runs there finishes, nothing else begins, also after a restart.
#[utoipa::path(post, path = "/api/v1/destinations/{name}/pause", tag = "steering", params(("name" = String, Path)),
    responses((status = 200, body = Changed), (status = 403, body = Refused), (status = 404, body = Refused)))]
pub(super) async fn pause(
    State(api): State<Arc<Api>>,
    who: Who,
    Path(name): Path<String>,
) -> Result<Json<Changed>, Refusal> {
    change(&api, &who, name, true).await
}

/// Lets a paused destination go on.
#[utoipa::path(post, path = "/api/v1/destinations/{name}/resume", tag = "steering", params(("name" = String, Path)),
    responses((status = 200, body = Changed), (status = 403, body = Refused), (status = 404, body = Refused)))]
pub(super) async fn resume(
    State(api): State<Arc<Api>>,
    who: Who,
    Path(name): Path<String>,
) -> Result<Json<Changed>, Refusal> {
    change(&api, &who, name, false).await
}

async fn change(api: &Api, who: &Who, name: String, pause: bool) -> Result<Json<Changed>, Refusal> {
    let steering = api.context.steering();
    let act = async {
        if who.full_name(&name).is_none() {
            let names: Vec<_> = who.destinations(Right::Read).map(|one| one.name.as_str()).collect();
            let text = format!("the runner does not listen on {name}; it listens on {}", names.join(", "));
            return Err(Refusal::unknown(text));
        }
        if pause {
            steering.pause(&name, &who.name).await?;
        } else {
            steering.resume(&name, &who.name).await?;
        }
        Ok(())
    };
    let what = if pause { "pause" } else { "resume" };
    steer(api, who, (what, name.clone()), manages(who, &name), act).await?;
    let paused = steering.paused().get(&name).map(Into::into);
    Ok(Json(Changed { name, paused }))
}
