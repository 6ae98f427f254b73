//! `/eventmatch`: everybody makes, sees, changes and deletes their own subscriptions.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Refusal, Side, refuse};
use crate::subscription::{Invalid, Subscription};

/// How many subscriptions there may be: each is held against each event.
const MOST: usize = 1000;

type Peer = Option<Extension<SocketAddr>>;
type Answer = Result<Response, Refusal>;

pub(super) async fn list(State(side): State<Side>, peer: Peer, headers: HeaderMap) -> Answer {
    let user = side.user(&headers, peer.as_deref())?;
    let all = side.engine.book.subscriptions().await?;
    let own: Vec<_> = all.iter().filter(|one| one.user == user).map(Subscription::shown).collect();
    Ok(Json(own).into_response())
}

pub(super) async fn create(State(side): State<Side>, peer: Peer, headers: HeaderMap, body: Bytes) -> Answer {
    let user = side.user(&headers, peer.as_deref())?;
    let made = Subscription::create(&user, &body, Timestamp::now(), Uuid::new_v4()).map_err(invalid)?;
    let _turn = side.turn.lock().await;
    let all = side.engine.book.subscriptions().await?;
    if all.len() >= MOST {
        let text = format!("there are {MOST} subscriptions already; delete one");
        return Err(refuse(StatusCode::CONFLICT, text));
    }
    store(&side, &made).await
}

pub(super) async fn show(
    State(side): State<Side>,
    peer: Peer,
    headers: HeaderMap,
    Path(uuid): Path<String>,
) -> Answer {
    Ok(Json(own(&side, peer, &headers, &uuid).await?.shown()).into_response())
}

pub(super) async fn change(
    State(side): State<Side>,
    peer: Peer,
    headers: HeaderMap,
    Path(uuid): Path<String>,
    body: Bytes,
) -> Answer {
    let _turn = side.turn.lock().await;
    let own = own(&side, peer, &headers, &uuid).await?;
    let changed = own.change(&body, Timestamp::now()).map_err(invalid)?;
    store(&side, &changed).await
}

pub(super) async fn delete(
    State(side): State<Side>,
    peer: Peer,
    headers: HeaderMap,
    Path(uuid): Path<String>,
) -> Answer {
    let _turn = side.turn.lock().await;
    let mut own = own(&side, peer, &headers, &uuid).await?;
    own.delete(Timestamp::now());
    store(&side, &own).await?;
    Ok(StatusCode::OK.into_response())
}

/// The caller's own subscription. Whether there is another one with this id is nobody's business.
async fn own(side: &Side, peer: Peer, headers: &HeaderMap, uuid: &str) -> Result<Subscription, Refusal> {
    let user = side.user(headers, peer.as_deref())?;
    let Ok(uuid) = uuid.parse::<Uuid>() else {
        let text = "the last part of the path must be the uuid of a subscription";
        return Err(refuse(StatusCode::BAD_REQUEST, text));
    };
    let found = side.engine.book.subscription(&uuid.to_string()).await?;
    found
        .filter(|one| one.user == user)
        .ok_or_else(|| refuse(StatusCode::FORBIDDEN, "you have no subscription with this uuid"))
}

async fn store(side: &Side, subscription: &Subscription) -> Answer {
    side.engine.book.put_subscription(subscription).await?;
    side.engine.subscriptions_changed();
    Ok(Json(subscription.shown()).into_response())
}

fn invalid(error: Invalid) -> Refusal {
    Refusal { field: error.field().map(str::to_owned), ..refuse(StatusCode::BAD_REQUEST, error) }
}
