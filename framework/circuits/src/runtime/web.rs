//! The HTTP routes of components: each request goes to the component as it is at that moment, which a reload may have replaced.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use http::{Method, StatusCode};
use tower::ServiceExt as _;

use super::shared::Shared;
use crate::account::{Caller, Right, Rights, Scope};
use crate::store::Store;
use crate::web::{Mount, Web, axum, refusal};

/// Mounts the routes of the components that have any.
pub(crate) fn mount(web: &Web, shared: &Arc<Shared>, store: &Arc<dyn Store>) {
    for loaded in shared.live().loaded() {
        let component = loaded.registration.name();
        for routes in &loaded.component.web {
            let path = format!("/{component}{}", routes.path);
            let door = Door {
                shared: Arc::clone(shared),
                store: Arc::clone(store),
                component,
                path: routes.path.clone(),
                open: routes.open,
            };
            let answer = move |request: Request| door.clone().answer(request);
            let mount = Mount::new(&path, Router::new().nest_service(&path, any(answer))).of(component);
            web.mount(if routes.open { mount.open() } else { mount });
        }
    }
}

/// The way in to routes of one component.
#[derive(Clone)]
struct Door {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    component: &'static str,
    path: String,
    open: bool,
}

impl Door {
    async fn answer(self, mut request: Request<Body>) -> Response {
        if !self.open
            && let Some(refused) = self.barred(&request)
        {
            return refused;
        }
        let router = {
            let live = self.shared.live();
            let loaded = live.loaded().iter().find(|one| one.registration.name() == self.component);
            let routes =
                loaded.and_then(|one| one.component.web.iter().find(|routes| routes.path == self.path));
            routes.map(|routes| routes.router.clone())
        };
        let Some(router) = router else {
            return refusal(StatusCode::NOT_FOUND, "the component no longer answers under this path");
        };
        request.extensions_mut().insert(self.shared.client.with_token(None));
        request.extensions_mut().insert(self.store);
        let Ok(response) = router.oneshot(request).await;
        response
    }

    /// The refusal of a caller who may not do this. As long as there is no account, everybody who gets here may read.
    fn barred(&self, request: &Request<Body>) -> Option<Response> {
        let right = match *request.method() {
            Method::GET | Method::HEAD | Method::OPTIONS => Right::Read,
            _ => Right::Manage,
        };
        let scope = Scope::Component(self.component.to_owned());
        let caller = request.extensions().get::<Caller>();
        if caller.map_or(&Rights::read_all(), |caller| &caller.rights).allow(right, &scope) {
            return None;
        }
        let word = if right == Right::Read { "read" } else { "manage" };
        let name = self.component;
        let right = format!("{word}:component/{name}");
        let text = match caller {
            Some(_) => format!("this takes the right {right}, which your account does not have"),
            None => format!("this takes an account with the right {right}; `circuits account add` makes one"),
        };
        Some(refusal(StatusCode::FORBIDDEN, &text))
    }
}
