//! What a request says, read strictly: what cannot be understood is refused with what would be.

use axum::extract::{FromRequestParts, Path, Query};
use circuits::history::Filter;
use http::request::Parts;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// The most that a list shows at once.
pub(super) const MOST: u32 = 500;

/// The parameters after the question mark.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|error| {
            Refusal::wrong(format!("{}; GET /api/v1/openapi.json names the parameters", error.body_text()))
        })?;
        Ok(Self(params))
    }
}

/// The number of a message in the path.
pub(super) struct Number(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| Refusal::wrong(error.body_text()))?;
        let wrong = || {
            Refusal::wrong(format!(
                "`{text}` is not the number of a message; GET /api/v1/actions shows numbers"
            ))
        };
        text.parse().map(Self).map_err(|_| wrong())
    }
}

/// How many entries a list shows.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, Refusal> {
    match asked.unwrap_or(50) {
        limit @ 1..=MOST => Ok(limit),
        other => {
            let text = format!(
                "limit={other}: it must be 1 to {MOST}; further entries are on the next page (before=)"
            );
            Err(Refusal::wrong(text))
        }
    }
}

/// A window of time.
pub(super) fn window(since: Option<&str>, until: Option<&str>) -> Result<Filter, Refusal> {
    let time = |name: &str, text: Option<&str>| {
        let read = |text: &str| {
            text.parse::<Timestamp>().map(Into::into).map_err(|_| {
                Refusal::wrong(format!("{name}={text}: it must be a time such as 2026-01-31T08:00:00Z"))
            })
        };
        text.map(read).transpose()
    };
    Ok(Filter { since: time("since", since)?, until: time("until", until)?, ..Filter::default() })
}
