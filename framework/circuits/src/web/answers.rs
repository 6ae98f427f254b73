//! What every answer of the HTTP side has in common: JSON, refusals with an `error`, and how a caller is told to say who they are.

use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// What a caller hears when the store fails: it is not their fault, and only the log says more. The status is 503.
pub const STORE_FAILED: &str = "the runner's store cannot be used at the moment; its log says more";

/// The header, with the value `1`, by which a page of this listener says that it made a request: pages of others cannot send it. A
/// request that changes something and goes by a cookie must have it.
pub const OF_A_PAGE: &str = "x-circuits";

/// An answer in JSON.
pub fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal: `{"error": ".."}`.
pub fn refusal(status: StatusCode, text: &str) -> Response<Body> {
    answer(status, &json!({ "error": text }))
}

/// The refusal of a caller who did not say who they are, or said it wrongly (401), with what they may send (RFC 9110, 11.6.1). After
/// too many wrong attempts it says in how many seconds the next one is looked at, instead of the text.
pub fn unauthorized(text: &str, challenges: &[&'static str], later: Option<u64>) -> Response<Body> {
    let mut response = match later {
        None => refusal(StatusCode::UNAUTHORIZED, text),
        Some(seconds) => refusal(
            StatusCode::UNAUTHORIZED,
            &format!("too many wrong attempts from this address; try again in {seconds} s"),
        ),
    };
    let headers = response.headers_mut();
    for challenge in challenges {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    headers.extend(later.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

/// The credentials of a request for this scheme, which is matched without case (RFC 9110, 11.1); `None` if there are none, nothing if
/// there is only the scheme.
pub fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a [u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (given, rest) = value.split_at_checked(scheme.len()).unwrap_or((value, b""));
    let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
    (given.eq_ignore_ascii_case(scheme.as_bytes()) && ends).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_follow_their_scheme_in_any_case() {
        for (header, found) in [
            ("Basic abc", Some("abc")),
            ("bASIC  abc ", Some("abc")),
            ("Basic", Some("")),
            ("Basic ", Some("")),
            ("Basicabc", None),
            ("Bearer abc", None),
            ("Bas", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            assert_eq!(credentials(&headers, "Basic"), found.map(str::as_bytes), "{header:?}");
        }
        assert_eq!(credentials(&HeaderMap::new(), "Basic"), None);
    }
}
