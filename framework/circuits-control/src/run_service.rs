//! `RunService`: an HTTP request to the routes of a component, and its answer.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use circuits::account::{Caller, Rights};
use circuits::web::axum::body::{Body, to_bytes};
use circuits::web::axum::response::Response;
use circuits::web::{Mount, Web, refusal};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use tracing::error;

use crate::bodies::Bodies;

/// The variable under which an answer's body is kept.
const RESPONSE: &str = "response.body";
/// Bytes that the body of an answer may have.
const LARGEST: usize = 16 * 1024 * 1024;
/// What a query may have as it is (RFC 3986, 2.3: unreserved characters).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a request is answered with.
pub(crate) struct Answer {
    /// The message for the one who asked.
    pub(crate) message: Value,
    /// Whether it is the runner's or a component's fault, or the request was not one.
    pub(crate) is_error: bool,
}

/// Answers requests.
#[derive(Clone, Debug)]
pub(crate) struct RunService {
    pub(crate) web: Web,
    pub(crate) bodies: Bodies,
    pub(crate) timeout: Duration,
}

impl RunService {
    /// The answer; there always is one. A request that comes again is not begun again if that could do its work twice.
    pub(crate) async fn answer(&self, command: &Map<String, Value>, again: bool) -> Answer {
        let key = text(command, "requestKey").unwrap_or_default();
        let response = match self.request(command, key).await {
            Ok((mount, request)) => {
                let may_begin = request.method().is_idempotent() || self.begins(key, again).await;
                if may_begin { mount.call_within(self.timeout, request).await } else { interrupted() }
            }
            Err(refused) => *refused,
        };
        let (head, body) = response.into_parts();
        let (status, headers, body) = match to_bytes(body, LARGEST).await {
            Ok(body) => (head.status, head.headers, body),
            Err(error) => {
                error!(%error, "The body of an answer to RunService could not be read, or is too large");
                (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new())
            }
        };
        let mut message = json!({
            "command": "Acknowledged",
            "headers": shown(&headers, body.len()),
            "requestKey": key,
            "status": status.canonical_reason().unwrap_or_default(),
            "statusCode": status.as_str(),
            "type": "RunService",
        });
        // Whoever sends the body of the request along has no access to the store, so its answer brings the body, too.
        if command.get("body").is_some_and(|body| !body.is_null()) {
            message["body"] = BASE64_STANDARD.encode(&body).into();
        } else {
            message["bodyVariable"] = RESPONSE.into();
            if let Err(error) = self.bodies.put(key, RESPONSE, &body).await {
                error!(%error, "The body of an answer to RunService could not be kept");
                message["bodyVariable"] = Value::Null;
            }
        }
        Answer { message, is_error: status.is_server_error() || status == StatusCode::BAD_REQUEST }
    }

    /// Notes that a request begins; false if it comes again and began before.
    async fn begins(&self, key: &str, again: bool) -> bool {
        let first = self.bodies.begin(key).await.unwrap_or_else(|error| {
            error!(%error, "It could not be noted that a request through the control queue begins");
            !again
        });
        first || !again
    }

    async fn request(
        &self,
        command: &Map<String, Value>,
        key: &str,
    ) -> Result<(Mount, Request<Body>), Box<Response>> {
        let wrong = |text: &str| Box::new(refusal(StatusCode::BAD_REQUEST, text));
        if key.is_empty() {
            return Err(wrong("`requestKey` must be a text"));
        }
        let path = text(command, "path").filter(|path| path.starts_with('/'));
        let path = path.ok_or_else(|| wrong("`path` must be a path such as /data"))?;
        let (mount, path) = self.find(path)?;
        let method = text(command, "method").unwrap_or("GET").to_ascii_uppercase();
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| wrong("`method` is not an HTTP method"))?;
        let query = pairs(command, "queryParams")
            .ok_or_else(|| wrong("`queryParams` must be a list of {name, value}"))?;
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| {
                format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY))
            })
            .collect();
        let uri = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let mut request = Request::builder().method(method).uri(uri);
        let headers =
            pairs(command, "headers").ok_or_else(|| wrong("`headers` must be a list of {name, value}"))?;
        for (name, value) in headers {
            let header = name.parse::<HeaderName>().ok().zip(value.parse::<HeaderValue>().ok());
            let (name, value) = header.ok_or_else(|| wrong(&format!("the header {name:?} cannot be one")))?;
            // These are about the connection, and there is none.
            if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
                request = request.header(name, value);
            }
        }
        let body = self.body(command, key).await?;
        if body.len() > mount.body_limit() {
            let text = format!("the body is larger than {} bytes", mount.body_limit());
            return Err(Box::new(refusal(StatusCode::PAYLOAD_TOO_LARGE, &text)));
        }
        // Whom the broker lets write to the control queue may steer the runner.
        let caller = Caller { name: "control queue".to_owned(), rights: Rights::manage_all() };
        let request = request.header(CONTENT_LENGTH, body.len()).extension(caller).body(Body::from(body));
        Ok((mount, request.map_err(|_| wrong("`path` cannot be the path of a URL"))?))
    }

    /// The routes that a path belongs to, and the whole path: it may leave out the component if only one has routes.
    fn find(&self, path: &str) -> Result<(Mount, String), Box<Response>> {
        let found = |path: &str| self.web.find(path).filter(|mount| mount.component().is_some());
        if let Some(mount) = found(path) {
            return Ok((mount, path.to_owned()));
        }
        if let [only] = self.web.components()[..] {
            let path = format!("/{only}{path}");
            if let Some(mount) = found(&path) {
                return Ok((mount, path));
            }
        }
        Err(Box::new(refusal(StatusCode::NOT_FOUND, "no component answers under this path")))
    }

    async fn body(&self, command: &Map<String, Value>, key: &str) -> Result<Bytes, Box<Response>> {
        let wrong = |text: &str| Box::new(refusal(StatusCode::BAD_REQUEST, text));
        match (command.get("body").filter(|body| !body.is_null()), text(command, "bodyVariable")) {
            (Some(body), _) => {
                let body = body.as_str().and_then(|body| BASE64_STANDARD.decode(body).ok());
                body.map(Bytes::from).ok_or_else(|| wrong("`body` must be base64"))
            }
            (None, Some(variable)) => match self.bodies.get(key, variable).await {
                // A request without a body names the variable all the same.
                Ok(body) => Ok(body.unwrap_or_default()),
                Err(error) => {
                    error!(%error, "The body of a request through the control queue could not be found");
                    Err(Box::new(refusal(StatusCode::SERVICE_UNAVAILABLE, circuits::web::STORE_FAILED)))
                }
            },
            (None, None) => Ok(Bytes::new()),
        }
    }
}

fn interrupted() -> Response {
    let text = "the runner ended while it answered this; what the request did before that is not known";
    refusal(StatusCode::SERVICE_UNAVAILABLE, text)
}

fn text<'a>(command: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    command.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A list of names and values; `None` if it is something else.
fn pairs(command: &Map<String, Value>, key: &str) -> Option<Vec<(String, String)>> {
    let Some(list) = command.get(key).filter(|list| !list.is_null()) else { return Some(Vec::new()) };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        _ => None,
    };
    list.as_array()?
        .iter()
        .map(|pair| Some((pair["name"].as_str()?.to_owned(), text(&pair["value"])?)))
        .collect()
}

fn shown(headers: &HeaderMap, length: usize) -> Value {
    let one = |name: &str, value: &str| json!({"name": name, "value": value});
    let own = headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH);
    let own = own.map(|(name, value)| one(name.as_str(), &String::from_utf8_lossy(value.as_bytes())));
    own.chain([one("content-length", &length.to_string())]).collect()
}
