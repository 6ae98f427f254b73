//! `GET /api/v1/me`: the account that asks, and what it may do.

use axum::Json;
use circuits::account::Right;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Who;
use crate::refusal::{Refusal, Refused};

/// The account that asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// Its name.
    name: String,
    /// Its rights, such as `read` or `manage:destination/x`.
    rights: Vec<String>,
    manages: Manages,
}

/// The programmatic names of the destinations that it may steer; `*` for everything.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Manages {
    Everything(&'static str),
    Destinations(Vec<String>),
}

/// The account that asks.
#[utoipa::path(get, path = "/api/v1/me", tag = "account", responses((status = 200, body = Me), (status = 403, body = Refused)))]
pub(super) async fn me(who: Who) -> Result<Json<Me>, Refusal> {
    let manages = if who.may_all(Right::Manage) {
        Manages::Everything("*")
    } else {
        Manages::Destinations(who.destinations(Right::Manage).map(|one| one.name.clone()).collect())
    };
    Ok(Json(Me { rights: who.rights.words(), manages, name: who.name }))
}
