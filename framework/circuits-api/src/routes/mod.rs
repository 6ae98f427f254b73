//! The routes, one file for each subject, and the OpenAPI document that is made from them.

mod actions;
mod audit;
mod failures;
mod input;
mod log_level;
mod me;
mod message;
mod openapi;
mod pauses;
mod runner;
mod steer;
mod stream;
mod traffic;

use std::sync::Arc;

use axum::Router;
use circuits::web::{Mount, Web};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::refusal::Refusal;

/// Mounts the API.
pub(crate) fn mount(web: &Web, api: &Arc<Api>) {
    web.mount(Mount::new("/api/v1", router(api)));
}

fn router(api: &Arc<Api>) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(me::me))
        .routes(routes!(runner::runner))
        .routes(routes!(runner::now))
        .routes(routes!(traffic::traffic))
        .routes(routes!(failures::failures))
        .routes(routes!(actions::actions))
        .routes(routes!(message::show))
        .routes(routes!(message::retry))
        .routes(routes!(message::set_aside))
        .routes(routes!(message::drop_dead))
        .routes(routes!(pauses::pause))
        .routes(routes!(pauses::resume))
        .routes(routes!(log_level::set))
        .routes(routes!(audit::audit))
        .routes(routes!(stream::stream))
        .routes(routes!(openapi::openapi))
        .split_for_parts();
    router
        .method_not_allowed_fallback(async || {
            Refusal(
                http::StatusCode::METHOD_NOT_ALLOWED,
                format!("this path does not take this method; {CURE}"),
            )
        })
        .fallback(async || Refusal::unknown(format!("there is nothing under this path; {CURE}")))
        .layer(axum::Extension(openapi::Document::new(document)))
        .with_state(Arc::clone(api))
}

const CURE: &str = "GET /api/v1/openapi.json names the paths and their methods";
