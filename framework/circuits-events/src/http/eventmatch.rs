//! `/eventmatch`: everybody makes, sees, changes and deletes their own subscriptions.

use bytes::Bytes;
use circuits::account::{Caller, Right};
use circuits::web::axum::Json;
use circuits::web::axum::extract::{Path, State};
use circuits::web::axum::http::StatusCode;
use circuits::web::axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Refusal, Side, refuse};
use crate::subscription::{Invalid, Subscription};

/// How many subscriptions there may be: each is held against each event.
const MOST: usize = 1000;

type Who = Option<Caller>;
type Answer = Result<Response, Refusal>;

pub(super) async fn list(State(side): State<Side>, who: Who) -> Answer {
    let user = user(&side, who)?;
    let all = side.engine.book.subscriptions().await?;
    let own: Vec<_> = all.iter().filter(|one| one.user == user).map(Subscription::shown).collect();
    Ok(Json(own).into_response())
}

pub(super) async fn create(State(side): State<Side>, who: Who, body: Bytes) -> Answer {
    let user = user(&side, who)?;
    let made = Subscription::create(&user, &body, Timestamp::now(), Uuid::new_v4()).map_err(invalid)?;
    let _turn = side.turn.lock().await;
    let all = side.engine.book.subscriptions().await?;
    if all.len() >= MOST {
        let text = format!("there are {MOST} subscriptions already; delete one");
        return Err(refuse(StatusCode::CONFLICT, text));
    }
    store(&side, &made).await
}

pub(super) async fn show(State(side): State<Side>, who: Who, Path(uuid): Path<String>) -> Answer {
    Ok(Json(own(&side, who, &uuid).await?.shown()).into_response())
}

pub(super) async fn change(
    State(side): State<Side>,
    who: Who,
    Path(uuid): Path<String>,
    body: Bytes,
) -> Answer {
    let _turn = side.turn.lock().await;
    let own = own(&side, who, &uuid).await?;
    let changed = own.change(&body, Timestamp::now()).map_err(invalid)?;
    store(&side, &changed).await
}

pub(super) async fn delete(State(side): State<Side>, who: Who, Path(uuid): Path<String>) -> Answer {
    let _turn = side.turn.lock().await;
    let mut own = own(&side, who, &uuid).await?;
    own.delete(Timestamp::now());
    store(&side, &own).await?;
    Ok(StatusCode::OK.into_response())
}

/// The name of a caller who may see something.
fn user(side: &Side, who: Who) -> Result<String, Refusal> {
    let Some(caller) = who else {
        let text = format_args!("name the user in the header {}", side.user_header);
        return Err(refuse(StatusCode::UNAUTHORIZED, text));
    };
    if !caller.rights.allow_somewhere(Right::Read) {
        return Err(refuse(StatusCode::FORBIDDEN, "your account may see no events"));
    }
    Ok(caller.name)
}

/// The caller's own subscription. Whether there is another one with this id is nobody's business.
async fn own(side: &Side, who: Who, uuid: &str) -> Result<Subscription, Refusal> {
    let user = user(side, who)?;
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
