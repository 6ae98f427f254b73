//! `GET /api/v1/openapi.json`: the OpenAPI document, made from the code of the routes.

use axum::Extension;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use utoipa::OpenApi;

use crate::access::Who;
use crate::refusal::Refused;

/// What the document says apart from its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "circuits",
        description = "Shows what a runner does and did, and steers it. Every path needs an account: say who calls with a token \
                       (`Authorization: Bearer`), or with name and password (`Basic`).",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "account", description = "Who asks"),
        (name = "runner", description = "What the runner does now"),
        (name = "actions", description = "What became of each message"),
        (name = "steering", description = "What an account with the right `manage` may change")
    )
)]
struct Head;

pub(super) fn head() -> utoipa::openapi::OpenApi {
    Head::openapi()
}

/// The document as text.
#[derive(Clone)]
pub(super) struct Document(Bytes);

impl Document {
    pub(super) fn new(document: utoipa::openapi::OpenApi) -> Self {
        // It is made of texts and numbers, which can always be written.
        Self(Bytes::from(serde_json::to_string(&document).unwrap_or_default()))
    }
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "account",
    responses((status = 200, content_type = "application/json", body = serde_json::Value), (status = 403, body = Refused)))]
pub(super) async fn openapi(_: Who, Extension(Document(document)): Extension<Document>) -> Response {
    ([(CONTENT_TYPE, "application/json")], document).into_response()
}
