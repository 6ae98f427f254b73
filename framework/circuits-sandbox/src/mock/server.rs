//! A mock over real HTTPS.
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{Answer, Call, Mock};
use crate::certs::{ServerCertificate, Tls};
use crate::error::{Kind, Result};
use crate::net::{self, Accept};

/// The largest body that is read.
const LARGEST: usize = 1 << 30;

/// A mock that listens on loopback, with a certificate of its own. It takes every login. Dropping it stops it.
#[derive(Debug)]
pub struct MockServer {
    mock: Arc<Mock>,
    port: u16,
    folder: tempfile::TempDir,
    _stop: DropGuard,
}

impl Mock {
    /// Answers over HTTPS, on a free port of loopback. Requests for the login and the organisation need no answers of the test.
    ///
    /// # Errors
    /// When no port is free or no certificate can be made.
    pub async fn serve(self) -> Result<MockServer> {
        let tls = Tls::generate(ServerCertificate::Valid)?;
        let write = |source| Kind::Write { path: std::env::temp_dir().display().to_string(), source };
        let folder = tempfile::Builder::new().prefix("circuits-mock-").tempdir().map_err(write)?;
        std::fs::write(folder.path().join("ca.pem"), &tls.ca_pem).map_err(write)?;
        let (listener, port) = net::listen(net::loopback("localhost")?, 0).await?;
        let stop = CancellationToken::new();
        let accept = Accept { acceptor: tls.acceptor, stop: stop.clone(), tasks: TaskTracker::new() };
        let mock = Arc::new(self);
        crate::rest::serve_router(Router::new().fallback(answer).with_state(mock.clone()), accept, listener);
        Ok(MockServer { mock, port, folder, _stop: stop.drop_guard() })
    }
}

impl MockServer {
    /// The mock itself, to look at its calls.
    #[must_use]
    pub fn mock(&self) -> &Mock {
        &self.mock
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The CA that signed its certificate, in a file that exists as long as the server does.
    #[must_use]
    pub fn ca_file(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A `[resilient]` section of an app.config that reaches it.
    #[must_use]
    pub fn app_config(&self) -> String {
        let ca_file = self.ca_file();
        let ca_file: &Path = &ca_file;
        format!(
            "[resilient]\nhost=localhost\nport={}\napi_key_id=mock\napi_key_secret=mock-secret\ncafile={}\n",
            self.port,
            ca_file.display()
        )
    }
}

async fn answer(State(mock): State<Arc<Mock>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.unwrap_or_default();
    let token = parts.headers.get("x-co3contexttoken").and_then(|token| token.to_str().ok());
    let call = Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        token: token.map(str::to_owned),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let answer = login(&mock, &call).unwrap_or_else(|| mock.answer(call));
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    response
}

/// Answers the requests with which every client begins.
fn login(mock: &Mock, call: &Call) -> Option<Answer> {
    let org = json!({"id": mock.org, "name": "Mock", "enabled": true, "actions_framework_enabled": true});
    match call.path.as_str() {
        "/rest/session" => Some(Answer::new(
            200,
            &json!({"orgs": [org], "api_key_handle": 1, "user_id": 1, "csrf_token": "mock-token"}),
        )),
        path if call.method == "GET" && path == format!("/rest/orgs/{}", mock.org) => {
            Some(Answer::new(200, &org))
        }
        _ => None,
    }
}
