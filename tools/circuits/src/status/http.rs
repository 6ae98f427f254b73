//! `/healthz` and `/readyz` over plain HTTP: 200 or 503, and why.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use circuits::Report;
use circuits::web::{self, Web, WebFuture};
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

/// The same on `http_port`. Who checks health has no account, and learns what is wrong and no more.
pub(super) fn mount(web: &Web, subject: &Subject) {
    for (path, look) in [("/healthz", health as Look), ("/readyz", ready)] {
        let subject = subject.clone();
        let service = move |_: Request<Bytes>| -> WebFuture {
            let (status, Json(body)) = look(&subject);
            Box::pin(std::future::ready(web::answer(status, &body)))
        };
        web.mount_open(path, Arc::new(service));
    }
}

type Look = fn(&Subject) -> (StatusCode, Json<Value>);

async fn healthz(State(subject): State<Subject>) -> (StatusCode, Json<Value>) {
    health(&subject)
}

async fn readyz(State(subject): State<Subject>) -> (StatusCode, Json<Value>) {
    ready(&subject)
}

fn health(subject: &Subject) -> (StatusCode, Json<Value>) {
    answer(subject.report().map_or_else(Vec::new, |report| report.stuck))
}

fn ready(subject: &Subject) -> (StatusCode, Json<Value>) {
    let problems = |report: Report| report.stuck.into_iter().chain(report.unready).collect();
    answer(subject.report().map_or_else(|| vec!["starting".to_owned()], problems))
}

fn answer(problems: Vec<String>) -> (StatusCode, Json<Value>) {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ok": problems.is_empty(), "problems": problems})))
}
