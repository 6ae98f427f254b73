//! One call: its parts, and the loop that sends it with the session as it stands, renews a lost session once and repeats
//! what may be repeated.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    Error, Rest, RetryPolicy,
    error::{Kind, said},
    retry::{Failure, Repeat},
    session::{Session, Ticket, after},
    transport,
};

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        self.http().0
    }

    fn http(self) -> (&'static str, reqwest::Method) {
        match self {
            Method::Get => ("GET", reqwest::Method::GET),
            Method::Post => ("POST", reqwest::Method::POST),
            Method::Put => ("PUT", reqwest::Method::PUT),
            Method::Patch => ("PATCH", reqwest::Method::PATCH),
            Method::Delete => ("DELETE", reqwest::Method::DELETE),
        }
    }

    fn repeat(self) -> Repeat {
        match self {
            Method::Get | Method::Put | Method::Delete => Repeat::Idempotent,
            Method::Post | Method::Patch => Repeat::Unsent,
        }
    }
}

/// How the platform writes references to other objects (header `handle_format`; its default is [`HandleFormat::Ids`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleFormat {
    /// `53`
    Ids,
    /// `"Unresolved"`
    Names,
    /// `{"id": 53, "name": "Unresolved"}`
    Objects,
}

/// How the platform writes rich text (header `text_content_output_format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// As it is stored.
    AlwaysText,
    /// As objects `{"format": "html", "content": ".."}` where it is HTML.
    ObjectsConvertHtml,
    /// As objects, HTML converted to plain text.
    ObjectsConvertText,
}

/// `text` as one segment of a path or one value of a query: everything but letters, digits and `-._~` percent-encoded.
///
/// ```
/// assert_eq!(circuits_rest::segment("a/b ü"), "a%2Fb%20%C3%BC");
/// ```
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A call being put together; [`Rest::request`] starts one. The shortcuts `get`, `post`, `put`, `patch` and `delete` of
/// [`Rest`] are this with nothing added.
#[must_use = "a request is sent by `send` or `bytes`"]
pub struct Request {
    rest: Rest,
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Option<Bytes>,
    repeat: Repeat,
    problem: Option<Error>,
}

impl Request {
    pub(crate) fn new(rest: Rest, method: Method, path: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        rest.extend(&mut headers, method);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            rest,
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: None,
            repeat: method.repeat(),
            problem: None,
        }
    }

    /// Adds `name=value` to the query, encoded.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(&format!("{}={}", segment(name), segment(&value.to_string())));
        self
    }

    /// Sets a header, in place of one of the same name that is there already.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => {
                self.problem = Some(Error::new(Kind::Invalid, format!("'{name}' cannot be sent as a header")))
            }
        }
        self
    }

    /// The body as JSON.
    pub fn json<B: Serialize + ?Sized>(mut self, body: &B) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body = Some(bytes.into()),
            Err(error) => {
                let message = format!("the body cannot be written as JSON: {error}");
                self.problem = Some(Error::new(Kind::Invalid, message).source_is(error));
            }
        }
        self
    }

    /// The body as it is; name its type with `.header("content-type", ..)`.
    pub fn raw(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Sends it and reads the answer as JSON; an empty one (204) reads as `null`.
    ///
    /// # Errors
    /// Whatever [`Error`] can tell, after the tries that [`RetryPolicy`] allows.
    pub async fn send<T: DeserializeOwned>(self) -> Result<T, Error> {
        let (method, path) = (self.method, self.path.clone());
        let body = self.bytes().await?;
        decode(&body).map_err(|error| error.at(method, &path))
    }

    /// Sends it and returns the body of the answer as it is.
    ///
    /// # Errors
    /// As for [`Request::send`].
    pub async fn bytes(self) -> Result<Bytes, Error> {
        let (method, path) = (self.method, self.path.clone());
        self.run().await.map_err(|error| error.at(method, &path))
    }

    async fn run(mut self) -> Result<Bytes, Error> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        self.rest.sign(&mut self.headers)?;
        let url = self.rest.shared.url(self.rest.absolute, &self.path, &self.query)?;
        let shared = self.rest.shared.clone();
        let call = Call {
            method: self.method,
            url,
            headers: self.headers,
            body: self.body,
            repeat: self.repeat,
            timeout: self.rest.timeout.unwrap_or(shared.timeout),
            deadline: self.rest.deadline,
        };
        shared.execute(&call).await
    }
}

/// The body of an answer as `T`.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let beginning = said(body).message.chars().take(80).collect::<String>();
        let type_name = std::any::type_name::<T>();
        Error::new(
            Kind::Body,
            format!("the answer is not a {type_name}: {error}; it begins with {beginning}"),
        )
        .source_is(error)
    })
}

/// A call ready to be sent as often as it takes.
pub(crate) struct Call {
    method: Method,
    url: reqwest::Url,
    headers: HeaderMap,
    body: Option<Bytes>,
    repeat: Repeat,
    timeout: Duration,
    deadline: Option<Instant>,
}

/// What all handles of one client share.
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) session: Arc<Session>,
    pub(crate) headers: HeaderMap,
    pub(crate) org: i64,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) conflict_tries: u32,
    pub(crate) updates: crate::update::Turns,
}

impl Shared {
    /// `/rest/orgs/<id><path>`, or `/rest<path>`. A path that would lead elsewhere is refused: ids and names in paths
    /// often come from other people.
    fn url(&self, absolute: bool, path: &str, query: &str) -> Result<reqwest::Url, Error> {
        let invalid = |why: &str| {
            Err(Error::new(Kind::Invalid, format!("the path '{path}' {why}"))
                .hint("names and other text belong in a path as `segment(text)`"))
        };
        if !path.starts_with('/') {
            return invalid("must begin with '/'");
        }
        if path.contains(['#', '\\', '?']) || path.contains(char::is_control) {
            return invalid("holds a character that has another meaning in a URL");
        }
        let dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if path.split('/').any(dots) {
            return invalid("holds '.' or '..' as a segment");
        }
        let scope = if absolute { "/rest".to_owned() } else { format!("/rest/orgs/{}", self.org) };
        let mark = if query.is_empty() { "" } else { "?" };
        reqwest::Url::parse(&format!("{}{scope}{path}{mark}{query}", self.base))
            .or_else(|error| invalid(&format!("cannot be part of a URL: {error}")))
    }

    /// Sends `call` until it succeeds or nothing more may be tried; the body of the success.
    async fn execute(&self, call: &Call) -> Result<Bytes, Error> {
        let mut renewed = false;
        let mut failed = 0;
        loop {
            let ticket = self.session.ticket().ok_or_else(|| Error::new(Kind::Session, "not logged in"))?;
            let (error, failure) = match self.attempt(call, &ticket).await {
                Ok(body) => {
                    if renewed {
                        self.session.trust(ticket.generation).await;
                    }
                    return Ok(body);
                }
                Err((error, _)) if error.status() == Some(401) && renewed => {
                    self.session.distrust(ticket.generation).await;
                    return Err(error.with_kind(Kind::Session).context("refused, also with a new session"));
                }
                Err((error, _)) if error.status() == Some(401) => {
                    match self.session.renew(ticket.generation).await {
                        Ok(_) => {
                            renewed = true;
                            continue;
                        }
                        // The call itself was refused, so it certainly did nothing.
                        Err(error) if error.is_connection() => (error, Failure::NotSent),
                        Err(error) => {
                            return Err(error.context("the session ended and no new one could be had"));
                        }
                    }
                }
                Err(failed) => failed,
            };
            failed += 1;
            let Some(pause) = self.retry.next(failed, call.repeat, &failure, fastrand::f64()) else {
                return Err(error.tries(failed));
            };
            if call.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
                return Err(error.tries(failed).hint("the action's deadline leaves no time for another try"));
            }
            tracing::debug!(
                method = call.method.as_str(), path = call.url.path(), error = %error,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "A call to the platform failed and is repeated after a pause."
            );
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call, ticket: &Ticket) -> Result<Bytes, (Error, Failure)> {
        let now = Instant::now();
        let timeout =
            call.deadline.map_or(call.timeout, |d| call.timeout.min(d.saturating_duration_since(now)));
        if timeout.is_zero() {
            let error = Error::new(Kind::Timeout, "the deadline of the action has passed");
            return Err((error, Failure::TimedOut));
        }
        let mut headers = self.headers.clone();
        headers.extend(call.headers.clone());
        ticket.apply(&mut headers);
        let mut request =
            self.http.request(call.method.http().1, call.url.clone()).headers(headers).timeout(timeout);
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let late = |(error, failure): (Error, Failure)| match failure {
            Failure::TimedOut => (error.context(&format!("no answer within {timeout:?}")), failure),
            _ => (error, failure),
        };
        let answer = request.send().await.map_err(|error| late(transport::explain(error)))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        ticket.learn(&headers, &self.session.secrets);
        let body = answer.bytes().await.map_err(|error| late(transport::explain(error)))?;
        tracing::debug!(
            method = call.method.as_str(),
            path = call.url.path(),
            status = status.as_u16(),
            bytes = body.len(),
            ms = now.elapsed().as_millis() as u64,
            "The platform answered."
        );
        if status.is_success() {
            return Ok(body);
        }
        Err(self.refusal(status.as_u16(), &headers, &body))
    }

    fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> (Error, Failure) {
        let text = self.session.secrets.blank(&String::from_utf8_lossy(body));
        let error = Error::answer(status, said(text.as_bytes()));
        let error = if (300..400).contains(&status) {
            error.hint("redirects are not followed: check `host`, `port` and `resource_prefix`")
        } else {
            error
        };
        (error, Failure::Status { status, after: after(headers) })
    }
}
