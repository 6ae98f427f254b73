//! A component that answers HTTP requests and handles no message.

use std::sync::Arc;

use circuits::account::Caller;
use circuits::prelude::*;
use circuits::web::axum::body::Bytes;
use circuits::web::axum::extract::{Path, State};
use circuits::web::axum::http::{HeaderMap, Method, StatusCode, Uri};
use circuits::web::axum::response::{IntoResponse, Response};
use circuits::web::axum::routing::{any, get, post};
use circuits::web::axum::{Extension, Json, Router};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use circuits_accounts as _;
use circuits_control as _;
use circuits_http as _;

/// The component. `[desk]` has its `greeting`.
pub(crate) static DESK: Registration =
    Registration::new("desk", component).config("[desk]\ngreeting=hello\n");

/// How many callers wait at `/gate`.
pub(crate) static WAITING: std::sync::LazyLock<watch::Sender<usize>> =
    std::sync::LazyLock::new(watch::Sender::default);
/// Each permit lets one of them go on.
pub(crate) static GATE: Semaphore = Semaphore::const_new(0);

struct Desk {
    greeting: String,
}

#[derive(serde::Deserialize)]
struct Settings {
    greeting: String,
}

fn component(setup: &Setup) -> Result<Component> {
    let Settings { greeting } = setup.settings()?;
    let router = Router::new()
        .route("/", get(greet).post(greet))
        .route("/incidents/{id}", get(incident))
        .route("/data", any(data))
        .route("/gate", get(gate))
        .route("/count", post(count))
        .route("/panic", get(panics));
    let hook = Router::new().route("/{token}", post(hook));
    Ok(Component::builder("nobody", Desk { greeting }).web(router).web_open("/hook", hook).build())
}

async fn greet(State(desk): State<Arc<Desk>>, caller: Option<Caller>) -> String {
    format!("{}, {}", desk.greeting, caller.map_or_else(|| "stranger".to_owned(), |caller| caller.name))
}

async fn incident(Extension(rest): Extension<Rest>, Path(id): Path<i64>) -> Response {
    match rest.get::<Value>(&format!("/incidents/{id}")).await {
        Ok(incident) => Json(json!({"name": incident["name"]})).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Notes what it was asked.
async fn data(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let seen = format!("{method} {uri} {}", String::from_utf8_lossy(&body));
    SEEN.lock().unwrap().push((seen, headers));
    ([("content-type", "application/json")], "{\"ok\":true}").into_response()
}

/// What `/data` was asked.
pub(crate) static SEEN: std::sync::Mutex<Vec<(String, HeaderMap)>> = std::sync::Mutex::new(Vec::new());

async fn gate() -> &'static str {
    WAITING.send_modify(|waiting| *waiting += 1);
    GATE.acquire().await.unwrap().forget();
    "gone through"
}

/// How often `/count` was called.
pub(crate) static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

async fn count() -> String {
    COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string()
}

async fn panics() -> &'static str {
    panic!("a fault of the component")
}

async fn hook(Path(token): Path<String>) -> StatusCode {
    if token == "secret" { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }
}
