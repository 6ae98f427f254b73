//! The parts of a request that handlers need: who asks, in which format, with what JSON.
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{Account, Cause, Format, Role, SECOND_ORG};

/// A request that is logged in, and may see the organisation in its path.
pub(super) struct Caller {
    pub(super) cause: Cause,
    pub(super) format: Format,
}

impl FromRequestParts<Arc<Core>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, ApiError> {
        let account = account(&parts.headers, core)
            .ok_or_else(|| ApiError::new(401, "You are not logged in, or your session has expired."))?;
        let segments: Vec<&str> = parts.uri.path().trim_start_matches('/').split('/').collect();
        if let ["rest", "orgs", org, below @ ..] = segments.as_slice() {
            let identity = &core.platform.identity;
            let org = org.parse::<i64>().unwrap_or_default();
            let second = identity.second_org.is_some() && org == SECOND_ORG && below.is_empty();
            if org != identity.org_id && !second {
                return Err(ApiError::new(403, format!("You have no access to the organization {org}.")));
            }
        }
        let token = parts.headers.get("x-co3contexttoken").and_then(|token| token.to_str().ok());
        let skip = token.map(|token| core.platform.lock().tokens.rules(token)).unwrap_or_default();
        Ok(Self { cause: Cause { account, skip }, format: format(parts) })
    }
}

/// Basic credentials of the API key, or a session cookie together with its csrf token in `X-sess-id`.
pub(super) fn account(headers: &HeaderMap, core: &Core) -> Option<Account> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(basic) = header("authorization").and_then(|value| value.strip_prefix("Basic ")) {
        let text = String::from_utf8(BASE64_STANDARD.decode(basic).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        return core.platform.identity.account(id, secret).filter(|account| account.role == Role::ApiKey);
    }
    let cookies = headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, session) = pairs.find(|(name, _)| *name == "JSESSIONID")?;
    let known = core.platform.lock().accounts.is_session(session, header("x-sess-id"));
    known.then(|| core.platform.identity.user())
}

/// `handle_format=names` in a header or in the query.
fn format(parts: &Parts) -> Format {
    let query = parts.uri.query().unwrap_or_default().split('&').any(|pair| pair == "handle_format=names");
    let header = parts.headers.get("handle_format").is_some_and(|value| value == "names");
    if query || header { Format::Names } else { Format::Ids }
}

/// Parts of the path; a part of the wrong type is answered with 404, as for an object that does not exist.
pub(super) struct Path<T>(pub(super) T);

impl<T: serde::de::DeserializeOwned + Send> FromRequestParts<Arc<Core>> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, ApiError> {
        let path = axum::extract::Path::from_request_parts(parts, core).await;
        path.map(|axum::extract::Path(path)| Self(path))
            .map_err(|error| ApiError::new(404, error.body_text()))
    }
}

/// A JSON body.
pub(super) struct Body(pub(super) Value);

impl FromRequest<Arc<Core>> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, ApiError> {
        let bytes =
            Bytes::from_request(request, core).await.map_err(|error| ApiError::bad(error.body_text()))?;
        let value = serde_json::from_slice::<Value>(&bytes);
        let value = value.map_err(|error| ApiError::bad(format!("Unable to parse the JSON: {error}")))?;
        if value.is_object() || value.is_array() {
            Ok(Self(value))
        } else {
            Err(ApiError::bad("JSON object expected."))
        }
    }
}
