//! The HTTP side: `/eventmatch` for subscriptions, `/receive` for events from outside, `/tmp/<token>` for answers to callbacks.
//! Every refusal is `{"error": ".."}` with a status of 400 to 499.

mod callback;
mod eventmatch;
mod receive;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use circuits::Callbacks;
use circuits::web::{STORE_FAILED, Web, WebFuture, WebService};
use http::Request;
use serde_json::json;
use tokio::sync::Mutex;
use tower::ServiceExt as _;
use tracing::error;

use crate::engine::Engine;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) engine: Arc<Engine>,
    pub(crate) callbacks: Callbacks,
    /// The header in which a proxy names the user, for those who name none.
    pub(crate) user_header: Arc<str>,
    /// Changes of subscriptions happen one after the other.
    pub(crate) turn: Arc<Mutex<()>>,
}

/// Mounts the routes that the settings ask for.
pub(crate) fn mount(web: &Web, side: Side) {
    if side.engine.options.subscriptions {
        let one = get(eventmatch::show).put(eventmatch::change).delete(eventmatch::delete);
        let router = Router::new()
            .route("/eventmatch", get(eventmatch::list).post(eventmatch::create))
            .route("/eventmatch/{uuid}", one);
        web.mount("/eventmatch", service(router, side.clone()));
        web.mount("/receive", service(Router::new().route("/receive", post(receive::receive)), side.clone()));
    }
    if side.engine.options.callback_base.is_some() {
        let router = Router::new()
            .route("/tmp/{token}", get(callback::fail).post(callback::answer).head(no_such_method));
        // The token in the path is the secret.
        web.mount_open("/tmp", service(router, side));
    }
}

fn service(router: Router<Side>, side: Side) -> Arc<dyn WebService> {
    let router = router
        .method_not_allowed_fallback(no_such_method)
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "there is nothing under this path") })
        .with_state(side);
    Arc::new(move |request: Request<Bytes>| -> WebFuture {
        let router = router.clone();
        Box::pin(async move {
            let Ok(response) = router.oneshot(request.map(Body::from)).await;
            let (parts, body) = response.into_parts();
            // Its parts are all in memory.
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            http::Response::from_parts(parts, body)
        })
    })
}

async fn no_such_method() -> Refusal {
    refuse(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
}

/// Why a request is not answered as it wishes.
struct Refusal {
    status: StatusCode,
    text: String,
    /// The field of the body that is wrong.
    field: Option<String>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"error": self.text});
        if let Some(field) = self.field {
            body["field"] = field.into();
        }
        (self.status, axum::Json(body)).into_response()
    }
}

fn refuse(status: StatusCode, text: impl std::fmt::Display) -> Refusal {
    Refusal { status, text: text.to_string(), field: None }
}

/// The store could not be read or written: not the caller's fault, and only the log says more.
impl From<circuits::Error> for Refusal {
    fn from(error: circuits::Error) -> Self {
        error!(%error, "An HTTP request could not be answered");
        refuse(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED)
    }
}
