//! Opens an incident from a signed webhook of another system, and adds a note to it when there is more to say.
//!
//! Shows a component that handles no rule and answers HTTP requests only: routes that check signatures themselves
//! (`web_open`), the runner's store, and work that is done once however often it is asked for.

mod customize;
mod deliveries;
mod incidents;
mod route;
mod settings;
mod signature;
mod template;

use std::sync::Arc;

use circuits::prelude::*;
use circuits::store::Store;
use circuits::web::axum::body::Bytes;
use circuits::web::axum::extract::{Path, State};
use circuits::web::axum::http::{HeaderMap, StatusCode};
use circuits::web::axum::response::{IntoResponse, Response};
use circuits::web::axum::routing::post;
use circuits::web::axum::{Extension, Router};

use crate::route::{Arrived, Route, Turns};
use crate::settings::Settings;

circuits::register! {
    Registration::new("webhook_in", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

struct WebhookIn {
    routes: Vec<Route>,
    turns: Turns,
}

fn component(setup: &Setup) -> Result<Component> {
    let routes = setup.settings::<Settings>()?.routes();
    let routes = routes.map_err(|error| error.context("[webhook_in] in app.config"))?;
    let is_on = !routes.is_empty();
    let component = Component::builder("webhook_in", WebhookIn { routes, turns: Turns::default() })
        .web_open("/", Router::new().route("/{route}", post(WebhookIn::receive)));
    Ok(if is_on { component.requires_field(customize::FIELD, "text").build() } else { component.build() })
}

impl WebhookIn {
    async fn receive(
        State(this): State<Arc<Self>>,
        Path(name): Path<String>,
        Extension(rest): Extension<Rest>,
        Extension(store): Extension<Arc<dyn Store>>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let Some(at) = this.routes.iter().position(|route| route.name == name) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let arrived = Arrived { headers, body, rest, store };
        // What has begun is finished, also when the sender hangs up.
        let work = tokio::spawn(async move { this.routes[at].receive(arrived, &this.turns).await });
        work.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}
