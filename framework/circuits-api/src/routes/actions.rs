//! `GET /api/v1/actions`: the messages that the journal remembers, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use circuits::history::{Event, Filter, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::input::{Params, limit, window};
use crate::access::Who;
use crate::api::Api;
use crate::refusal::{Refusal, Refused};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those with this status: waiting, running, finished, completed, failed or dead.
    status: Option<String>,
    /// Only those of the destination with this programmatic name.
    destination: Option<String>,
    /// Only those of the rule with exactly this name.
    rule: Option<String>,
    /// Only those about this incident.
    incident: Option<i64>,
    /// Only those that arrived at this time (RFC 3339) or later.
    since: Option<String>,
    /// Only those that arrived before this time.
    until: Option<String>,
    /// The next page: what `next` of the page before says.
    before: Option<i64>,
    /// At most so many, 1 to 500; 50 if it is not given.
    limit: Option<u32>,
}

/// A page of messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page {
    /// Newest first.
    actions: Vec<Event>,
    /// What `before` is for the next page; null on the last.
    next: Option<i64>,
}

/// The messages that the account may see, newest first.
#[utoipa::path(get, path = "/api/v1/actions", tag = "actions", params(Asked),
    responses((status = 200, body = Page), (status = 400, body = Refused), (status = 403, body = Refused)))]
pub(super) async fn actions(
    State(api): State<Arc<Api>>,
    who: Who,
    Params(asked): Params<Asked>,
) -> Result<Json<Value>, Refusal> {
    let limit = limit(asked.limit)?;
    let window = window(asked.since.as_deref(), asked.until.as_deref())?;
    let visible = who.visible();
    let destinations = match &asked.destination {
        None => visible,
        // Of what may not be seen nothing is shown, not even that it is there.
        Some(name) => {
            let full_name = who.full_name(name).filter(|full_name| who.sees(full_name));
            Some(full_name.map(str::to_owned).into_iter().collect())
        }
    };
    let filter = Filter {
        status: asked.status.as_deref().map(status).transpose()?,
        rule: asked.rule,
        incident: asked.incident,
        before: asked.before,
        destinations,
        ..window
    };
    let mut actions = api.history()?.list(&filter, limit + 1).await?;
    let more = actions.len() > limit as usize;
    actions.truncate(limit as usize);
    let next = actions.last().filter(|_| more).map(|last| last.number);
    api.shown(Page { actions, next })
}

fn status(text: &str) -> Result<Status, Refusal> {
    let names = || Status::ALL.map(Status::name).join(", ");
    let found = Status::ALL.into_iter().find(|status| status.name() == text);
    found.ok_or_else(|| Refusal::wrong(format!("status={text}: it must be one of {}", names())))
}
