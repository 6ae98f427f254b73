//! The REST API: HTTPS, HTTP/1.1, everything below `/rest`. One file per group of endpoints.
mod admin;
mod attachments;
mod children;
mod extract;
mod imports;
mod incidents;
mod invocations;
mod members;
mod newsfeed;
mod record;
mod search;
mod session;
mod verbs;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::TlsStream;

use crate::api_error::ApiError;
use crate::core::Core;
use crate::net::Accept;

/// The answer of a handler.
type Answer = Result<axum::Json<Value>, ApiError>;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, axum::Json(self.json())).into_response()
    }
}

/// Serves the listener until the sandbox stops.
pub(crate) fn serve(core: Arc<Core>, accept: Accept, listener: TcpListener) {
    serve_router(router(core), accept, listener);
}

/// Serves the listener until `accept` stops.
pub(crate) fn serve_router(router: Router, accept: Accept, listener: TcpListener) {
    let service = TowerToHyperService::new(router);
    let stop = accept.stop.clone();
    accept.spawn(listener, None, move |tls: TlsStream<TcpStream>| {
        let (service, stop) = (service.clone(), stop.clone());
        async move {
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), service);
            tokio::select! {
                () = stop.cancelled() => {}
                // It does not matter if the client leaves in the middle.
                _ = connection => {}
            }
        }
    });
}

fn router(core: Arc<Core>) -> Router {
    let app = Router::new()
        .route("/rest/session", get(session::whoami).post(session::log_in))
        .route("/rest/const", get(admin::constants))
        .route("/rest/const/", get(admin::constants))
        .route("/rest/search_ex", axum::routing::post(search::search))
        .route("/rest/orgs/{org}", get(admin::org));
    let app = admin::routes(app);
    let app = imports::routes(app);
    let app = incidents::routes(app);
    let app = members::routes(app);
    let app = newsfeed::routes(app);
    let app = children::routes(app);
    let app = attachments::routes(app);
    let app = invocations::routes(app);
    let app = app.fallback(unknown).method_not_allowed_fallback(unknown);
    app.layer(axum::middleware::from_fn_with_state(core.clone(), record::record)).with_state(core)
}

async fn unknown(method: axum::http::Method, uri: axum::http::Uri) -> ApiError {
    ApiError::new(404, format!("The sandbox has no {method} {}.", uri.path()))
}
