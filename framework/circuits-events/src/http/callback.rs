//! `/tmp/<token>`: the one-time URL of an action that waits. GET fails the action, POST answers it.

use bytes::Bytes;
use circuits::web::axum::extract::{Path, State};
use circuits::web::axum::http::StatusCode;
use circuits::web::axum::response::{IntoResponse, Response};
use circuits::{CallbackOutcome, Reply};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refusal, Side, refuse};

/// An answer as it is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    /// What the analyst reads.
    message: Option<String>,
    /// 0 completes the action, 1 fails it.
    #[serde(default)]
    message_type: u8,
    /// The result of a function.
    results: Option<Value>,
}

pub(super) async fn fail(State(side): State<Side>, Path(token): Path<String>) -> Result<Response, Refusal> {
    let text = "The system that the action waited for reported that it failed";
    give(&side, &token, Reply::error(text)).await
}

pub(super) async fn answer(
    State(side): State<Side>,
    Path(token): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let wrong = |text: String| refuse(StatusCode::BAD_REQUEST, text);
    let posted: Posted = serde_json::from_slice(&body).map_err(|error| {
        wrong(format!(
            "the body must be JSON such as {{\"message\": \"Done\", \"message_type\": 0}}: {error}"
        ))
    })?;
    let reply = match posted {
        Posted { message_type: 0, results: Some(results), .. } => Reply::results(results),
        Posted { message_type: 0, message, .. } => {
            Reply::completed(message.unwrap_or_else(|| "Completed".to_owned()))
        }
        Posted { message_type: 1, message, .. } => {
            Reply::error(message.unwrap_or_else(|| "Failed".to_owned()))
        }
        Posted { message_type, .. } => {
            return Err(wrong(format!(
                "message_type is {message_type}; it must be 0 (completed) or 1 (failed)"
            )));
        }
    };
    give(&side, &token, reply).await
}

async fn give(side: &Side, token: &str, reply: Reply) -> Result<Response, Refusal> {
    let Ok(token) = token.parse::<Uuid>() else {
        return Err(refuse(StatusCode::BAD_REQUEST, "the last part of the path is not a token"));
    };
    match side.callbacks.answer(&token.to_string(), reply).await? {
        CallbackOutcome::Taken => Ok(circuits::web::axum::Json(json!({"ok": true})).into_response()),
        CallbackOutcome::Unknown => {
            Err(refuse(StatusCode::NOT_FOUND, "the token is unknown, or it was used already"))
        }
        CallbackOutcome::Expired => Err(refuse(StatusCode::GONE, "the token's time is over")),
    }
}
