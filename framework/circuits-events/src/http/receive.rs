//! `/receive`: CloudEvents from outside. The answer comes when the events and their deliveries are stored, so whoever gets it
//! may forget them.

use bytes::Bytes;
use circuits::web::axum::extract::State;
use circuits::web::axum::http::header::CONTENT_TYPE;
use circuits::web::axum::http::{HeaderMap, StatusCode};
use circuits::web::axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::{Refusal, Side, refuse};
use crate::receive::{Limits, events};

/// Answers with the keys under which the events are stored, one in each line.
pub(super) async fn receive(
    State(side): State<Side>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let received =
        events(content_type, &headers, &body, Timestamp::now(), Limits::default()).map_err(|refused| {
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
            refuse(status, refused)
        })?;
    let keys = side.engine.accept(received).await?;
    Ok(([(CONTENT_TYPE, "text/plain")], keys.join("\n")).into_response())
}
