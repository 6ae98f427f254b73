//! Wraps every request: records it, and lets an armed fault answer in place of the platform.
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api_error::ApiError;
use crate::core::Core;
use crate::event::Event;
use crate::faults::Effect;
use crate::request::Request;

/// Larger bodies are refused with 413.
const MAX_BODY: usize = 100 * 1024 * 1024;

pub(super) async fn record(State(core): State<Arc<Core>>, request: HttpRequest, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return ApiError::new(413, "The request is too large, or was broken off.").into_response();
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut record = Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.clone(),
        status: None,
    };
    let fault = core.switches.take_rest(&record.method, &record.path).map(|fault| fault.effect);
    let mut response = match fault {
        Some(Effect::Hang) => {
            core.record(record);
            // This ends when the client gives up: then the connection is dropped, and this future with it.
            return std::future::pending().await;
        }
        Some(Effect::Status { status, retry_after }) => {
            let mut response = ApiError::new(status, "The sandbox was asked to fail here.").into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            response
        }
        None => next.run(HttpRequest::from_parts(parts, Body::from(body))).await,
    };
    let json = response.headers().get("content-type").is_some_and(|value| value == "application/json");
    if json && response.status() != StatusCode::NO_CONTENT {
        // This is byte for byte what the platform sends.
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/json;charset=UTF-8"));
    }
    let status = response.status().as_u16();
    record.status = Some(status);
    let (method, path) = (record.method.clone(), record.path.clone());
    core.record(record);
    core.platform.events.emit(|| Event::Rest { method, path, status });
    response
}
