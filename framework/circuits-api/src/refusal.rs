//! Why a request is not answered as it wishes: a status and `{"error": ".."}` with the cure.

use axum::response::{IntoResponse, Response};
use circuits::history::HistoryError;
use circuits::web::STORE_FAILED;
use http::StatusCode;
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

/// Its body.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refused {
    /// What is wrong, and what to do about it.
    error: String,
}

impl Refusal {
    /// The request is wrong (400).
    pub(crate) fn wrong(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, text.into())
    }

    /// The account may not do that (403).
    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self(StatusCode::FORBIDDEN, text.into())
    }

    /// There is no such thing (404).
    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, text.into())
    }

    /// As things stand, it cannot be done (409).
    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, text.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, axum::Json(Refused { error })).into_response()
    }
}

/// The store could not be read or written: not the caller's fault, and only the log says more.
impl From<circuits::Error> for Refusal {
    fn from(error: circuits::Error) -> Self {
        error!(%error, "A request to the API could not be answered");
        Self(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED.to_owned())
    }
}

impl From<HistoryError> for Refusal {
    fn from(error: HistoryError) -> Self {
        if error.is_journal() {
            error!(%error, "A request to the API could not be answered");
            let text = "the runner's journal cannot be used at the moment; its log says more";
            return Self(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
        }
        let status = if error.is_unknown() { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT };
        Self(status, error.to_string())
    }
}
