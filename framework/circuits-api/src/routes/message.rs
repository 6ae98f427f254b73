//! `/api/v1/actions/{number}`: one message's whole story, and what may be done with it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use circuits::history::Details;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::input::Number;
use super::steer::{manages, steer};
use crate::access::{Who, name_of};
use crate::api::Api;
use crate::refusal::{Refusal, Refused};

/// A message's whole story.
#[derive(Serialize, ToSchema)]
pub(crate) struct Story {
    #[serde(flatten)]
    details: Details,
    /// The events about it, each with its deliveries; empty unless webhooks or subscriptions are on.
    events: Vec<Value>,
}

/// A message that something was done with.
#[derive(Serialize, ToSchema)]
pub(crate) struct Numbered {
    /// Its number.
    number: i64,
}

/// The message with this number, if the account may see it.
async fn find(api: &Api, who: &Who, number: i64) -> Result<Details, Refusal> {
    let details = api.history()?.show(number).await?;
    if who.sees(&details.event.destination) {
        return Ok(details);
    }
    Err(Refusal::forbidden(format!("the account {} may not see message {number}", who.name)))
}

/// All that is known of one message.
#[utoipa::path(get, path = "/api/v1/actions/{number}", tag = "actions", params(("number" = i64, Path)),
    responses((status = 200, body = Story), (status = 403, body = Refused), (status = 404, body = Refused)))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    who: Who,
    Number(number): Number,
) -> Result<Json<Value>, Refusal> {
    let details = find(&api, &who, number).await?;
    let events = match api.context.message_events() {
        Some(events) => events.of(&details.event.id).await?,
        None => Vec::new(),
    };
    api.shown(Story { details, events })
}

/// Does this with a message that the account may see, if it may manage its destination.
async fn change<T>(
    api: &Api,
    who: &Who,
    number: i64,
    what: &str,
    act: impl AsyncFnOnce(&Details) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let found = find(api, who, number).await;
    let (allowed, found) = match found {
        Ok(details) => (manages(who, name_of(&details.event.destination)), Some(details)),
        Err(refusal) => (Err(refusal), None),
    };
    let change = async {
        match &found {
            Some(details) => act(details).await,
            None => Err(Refusal::unknown(format!("there is no message {number}"))),
        }
    };
    steer(api, who, (what, format!("#{number}")), allowed, change).await
}

/// Runs a settled message again, as a new one, within seconds.
#[utoipa::path(post, path = "/api/v1/actions/{number}/retry", tag = "steering", params(("number" = i64, Path)),
    responses((status = 202, description = "The number of the new message", body = Numbered), (status = 403, body = Refused),
    (status = 404, body = Refused), (status = 409, body = Refused)))]
pub(super) async fn retry(
    State(api): State<Arc<Api>>,
    who: Who,
    Number(number): Number,
) -> Result<(StatusCode, Json<Numbered>), Refusal> {
    let act = async |_: &Details| Ok(api.history()?.run_again(number).await?);
    let number = change(&api, &who, number, "retry", act).await?;
    Ok((StatusCode::ACCEPTED, Json(Numbered { number })))
}

/// Answers an action that waits or is queued with an error reply that names the account; it is then a dead letter.
#[utoipa::path(post, path = "/api/v1/actions/{number}/set_aside", tag = "steering", params(("number" = i64, Path)),
    responses((status = 200, body = Numbered), (status = 403, body = Refused), (status = 404, body = Refused),
    (status = 409, body = Refused)))]
pub(super) async fn set_aside(
    State(api): State<Arc<Api>>,
    who: Who,
    Number(number): Number,
) -> Result<Json<Numbered>, Refusal> {
    let by = format!("the account {}", who.name);
    let act = async |details: &Details| {
        let done = api.context.steering().set_aside(&details.event.id, &by);
        done.map_err(|error| Refusal::conflict(error.to_string()))
    };
    change(&api, &who, number, "set_aside", act).await?;
    Ok(Json(Numbered { number }))
}

/// Deletes a dead letter; the platform has its error reply already.
#[utoipa::path(post, path = "/api/v1/actions/{number}/drop", tag = "steering", params(("number" = i64, Path)),
    responses((status = 200, body = Numbered), (status = 403, body = Refused), (status = 404, body = Refused),
    (status = 409, body = Refused)))]
pub(super) async fn drop_dead(
    State(api): State<Arc<Api>>,
    who: Who,
    Number(number): Number,
) -> Result<Json<Numbered>, Refusal> {
    let act = async |_: &Details| Ok(api.history()?.drop_dead(number).await?);
    change(&api, &who, number, "drop", act).await?;
    Ok(Json(Numbered { number }))
}
