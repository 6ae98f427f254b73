//! One request: its body is read within bounds, and whoever mounted its path answers it. If that fails, the caller gets a 500
//! without details.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use circuits::web::{Web, axum, refusal};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use tracing::info;

use crate::gate::Gate;
use crate::serve::Inside;

/// How long a client may take to send a body, and then how long the answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) async fn answer(
    web: &Web,
    inside: &Inside,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match inside.known.fault(request.headers()) {
        Some((status, text)) => refusal(status, &text),
        None => respond(web, &inside.gate, peer, request).await,
    };
    let headers = response.headers_mut();
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // The path's last part may be a one-time token.
    let shown = path.split('/').nth(1).unwrap_or_default();
    info!(%method, path = format_args!("/{shown}"), status = response.status().as_u16(), "HTTP request");
    response
}

async fn respond(web: &Web, gate: &Gate, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
    let Some(found) = web.find(request.uri().path()) else {
        return refusal(StatusCode::NOT_FOUND, "there is nothing under this path");
    };
    let (mut parts, body) = request.into_parts();
    // Before anything is read for them.
    if !found.is_open() {
        match gate.caller(&parts, peer).await {
            Ok(caller) => drop(caller.map(|caller| parts.extensions.insert(caller))),
            Err(refused) => return refused,
        }
    }
    let largest = found.body_limit();
    let too_large =
        || refusal(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is larger than {largest} bytes"));
    // Its length is often known before it comes.
    if body.size_hint().lower() > largest as u64 {
        return too_large();
    }
    let body = match tokio::time::timeout(TIMEOUT, Limited::new(body, largest).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return too_large();
        }
        Ok(Err(_)) => return refusal(StatusCode::BAD_REQUEST, "the body could not be read"),
        Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
    };
    parts.extensions.insert(peer);
    found.call_within(TIMEOUT, Request::from_parts(parts, Body::from(body))).await
}
