//! A third system for the tour: a webhook tells it when an action waits for somebody's answer, and it gives one.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::show;

/// The other system, until it is dropped.
pub(super) struct OtherSide {
    /// The definition of the webhook that tells it.
    pub(super) webhooks: PathBuf,
    /// A port for the runner, to which answers go.
    pub(super) http_port: u16,
    _task: AbortOnDropHandle<()>,
}

impl OtherSide {
    /// Starts it, with its webhook in this folder.
    pub(super) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.context("a port for the tour's other system")?;
        let url = format!("http://{}/waiting", listener.local_addr()?);
        // Free now, and most likely still when the runner takes it.
        let http_port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let webhooks = folder.join("webhooks.yml");
        let text = format!(
            "webhooks:\n- name: other_system\n  action: action_waiting\n  method: POST\n  url: {url}\n  payload:\n    \
             rule: '{{{{action.name}}}}'\n    incident: '{{{{incident.id}}}}'\n    callback: '{{{{callback_url}}}}'\n"
        );
        std::fs::write(&webhooks, text)?;
        let router = Router::new().route("/waiting", post(told)).with_state(http_port);
        let serve = async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "The tour's other system has ended");
            }
        };
        Ok(Self { webhooks, http_port, _task: AbortOnDropHandle::new(tokio::spawn(serve)) })
    }
}

/// Most actions wait for something else; those have no callback.
async fn told(State(port): State<u16>, Json(event): Json<Value>) {
    let Some(path) =
        event["callback"].as_str().and_then(|url| url.find("/tmp/").map(|at| url[at..].to_owned()))
    else {
        return;
    };
    show::other(&format!(
        "webhook: \"{}\" of incident {} waits",
        event["rule"].as_str().unwrap_or("?"),
        event["incident"]
    ));
    // Only after the webhook is answered.
    tokio::spawn(async move {
        match answer(port, &path).await {
            Ok(status) => show::other(&format!("POST {path} -> {status}")),
            Err(error) => show::other(&format!("the answer did not arrive: {error}")),
        }
    });
}

async fn answer(port: u16, path: &str) -> std::io::Result<String> {
    let body = json!({"message": "The other system says yes", "message_type": 0}).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split(' ').nth(1).unwrap_or("?").to_owned())
}
