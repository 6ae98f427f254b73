//! Routes under a path, with what the listener must know before it lets a request through to them.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::DefaultBodyLimit;
use futures_util::FutureExt as _;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::json;
use tower::ServiceExt as _;
use tracing::error;

use super::refusal;

/// Bytes that the body of a request may have where nothing else is said.
const BODY: usize = 1024 * 1024;

/// Routes at a path and below. The listener has read the body of each request, whose size it bounds, and has put the caller's
/// `std::net::SocketAddr` into the extensions.
///
/// Once there are accounts, only requests of known callers get here, each with a [`Caller`](crate::account::Caller); which rights are
/// needed is for the routes to say.
#[derive(Clone, Debug)]
pub struct Mount {
    pub(super) path: String,
    pub(super) component: Option<&'static str>,
    router: Router,
    open: bool,
    largest_body: usize,
}

impl Mount {
    /// These routes, each with its whole path, at a path such as `/receive`, or at `/` for what nobody else answers.
    pub fn new(path: impl Into<String>, router: Router) -> Self {
        // The listener bounds it.
        let router = router.layer(DefaultBodyLimit::disable());
        Self { path: path.into(), component: None, router, open: false, largest_body: BODY }
    }

    /// Lets in callers who have not said who they are: for routes that look at that themselves, because a secret is in the path or in
    /// the body.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Bytes that the body of a request may have; 1 MiB by default.
    #[must_use]
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.largest_body = bytes;
        self
    }

    /// Says which component they are of.
    pub(crate) fn of(mut self, component: &'static str) -> Self {
        self.component = Some(component);
        self
    }

    /// The component that they are of.
    pub fn component(&self) -> Option<&'static str> {
        self.component
    }

    /// Whether they answer callers who have not said who they are.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Bytes that the body of a request may have.
    pub fn body_limit(&self) -> usize {
        self.largest_body
    }

    /// The answer to one request. What is refused without a word because no route has the path or the method gets one.
    pub async fn call(self, request: Request<Body>) -> Response<Body> {
        let Ok(mut response) = self.router.oneshot(request).await;
        let text = match response.status() {
            StatusCode::NOT_FOUND => "there is nothing under this path",
            StatusCode::METHOD_NOT_ALLOWED => "this path does not take this method",
            _ => return response,
        };
        if response.body().size_hint().exact() == Some(0) {
            response.headers_mut().remove(CONTENT_LENGTH);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *response.body_mut() = json!({ "error": text }).to_string().into();
        }
        response
    }

    /// The answer to one request, at most so much later. What is too late, and a panic, is answered with a refusal without details.
    pub async fn call_within(self, limit: Duration, request: Request<Body>) -> Response<Body> {
        let path = self.path.clone();
        let called = AssertUnwindSafe(self.call(request)).catch_unwind();
        match tokio::time::timeout(limit, called).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => {
                error!("The answer to a request for {path} panicked");
                refusal(StatusCode::INTERNAL_SERVER_ERROR, "an error in the runner; its log says more")
            }
            Err(_) => refusal(StatusCode::GATEWAY_TIMEOUT, "the answer took too long"),
        }
    }

    /// Whether a path is theirs, or is below it.
    pub(super) fn has(&self, path: &str) -> bool {
        let own = self.path.trim_end_matches('/');
        path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
