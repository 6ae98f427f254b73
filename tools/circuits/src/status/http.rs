//! `/healthz` and `/readyz` over plain HTTP: 200 or 503, and why.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use circuits::Report;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Subject;

pub(super) async fn serve(listener: TcpListener, subject: Subject) {
    let router =
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(subject);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "health_port no longer answers");
    }
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
