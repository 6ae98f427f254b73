//! The HTTP side: `/eventmatch` for subscriptions, `/receive` for events from outside, `/tmp/<token>` for answers to callbacks.
//! Every refusal is `{"error": ".."}` with a status of 400 to 499.

mod callback;
mod eventmatch;
mod receive;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use circuits::Callbacks;
use circuits::web::{Mount, STORE_FAILED, Web, axum};
use serde_json::json;
use tokio::sync::Mutex;
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
        web.mount(Mount::new("/eventmatch", router.with_state(side.clone())));
        let router = Router::new().route("/receive", post(receive::receive));
        web.mount(Mount::new("/receive", router.with_state(side.clone())));
    }
    if side.engine.options.callback_base.is_some() {
        // Without this, axum would answer HEAD as it answers GET, which fails the action.
        let no_head = || async { StatusCode::METHOD_NOT_ALLOWED };
        let router =
            Router::new().route("/tmp/{token}", get(callback::fail).post(callback::answer).head(no_head));
        // The token in the path is the secret.
        web.mount(Mount::new("/tmp", router.with_state(side)).open());
    }
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
