//! `/healthz` and `/readyz` over plain HTTP: 200 or 503, and why.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use circuits::Report;
use circuits::web::{Mount, Web};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Subject;

pub(super) async fn serve(listener: TcpListener, subject: Subject) {
    if let Err(error) = axum::serve(listener, router(subject)).await {
        tracing::warn!(%error, "health_port no longer answers");
    }
}

/// The same on `http_port`. Who checks health has no account, and learns what is wrong and no more.
pub(super) fn mount(web: &Web, subject: &Subject) {
    for path in ["/healthz", "/readyz"] {
        web.mount(Mount::new(path, router(subject.clone())).open());
    }
}

fn router(subject: Subject) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(subject)
}

async fn healthz(State(subject): State<Subject>) -> (StatusCode, Json<Value>) {
    answer(subject.report().map_or_else(Vec::new, |report| report.stuck))
}

async fn readyz(State(subject): State<Subject>) -> (StatusCode, Json<Value>) {
    let problems = |report: Report| report.stuck.into_iter().chain(report.unready).collect();
    answer(subject.report().map_or_else(|| vec!["starting".to_owned()], problems))
}

fn answer(problems: Vec<String>) -> (StatusCode, Json<Value>) {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ok": problems.is_empty(), "problems": problems})))
}
