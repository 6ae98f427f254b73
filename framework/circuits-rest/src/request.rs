//! One call being put together: method, path, query, headers, body, and how its answer is read.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Download, Error, Rest, Upload,
    error::Kind,
    exchange::{Call, Got, Payload},
    retry::Repeat,
    said::{page, said},
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
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        self.http().0
    }

    pub(crate) fn http(self) -> (&'static str, reqwest::Method) {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandleFormat {
    /// `53`
    Ids,
    /// `"Unresolved"`
    Names,
    /// `{"id": 53, "name": "Unresolved"}`
    Objects,
}

/// How the platform writes rich text (header `text_content_output_format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    body: Payload,
    repeat: Repeat,
    problem: Option<Error>,
}

impl Request {
    pub(crate) fn new(rest: Rest, method: Method, path: &str) -> Self {
        let mut headers = rest.shared.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        rest.extend(&mut headers, method);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            rest,
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Payload::None,
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
            Ok(bytes) => self.body = Payload::Bytes(bytes.into()),
            Err(error) => {
                let message = format!("the body cannot be written as JSON: {error}");
                self.problem = Some(Error::new(Kind::Invalid, message).source_is(error));
            }
        }
        self
    }

    /// The body as it is; name its type with `.header("content-type", ..)`.
    pub fn raw(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Payload::Bytes(body.into());
        self
    }

    /// Says that a POST only asks, such as a query, and may be repeated like a GET.
    pub fn read_only(self) -> Self {
        self.repeat(Repeat::Idempotent)
    }

    pub(crate) fn upload(mut self, upload: &Upload) -> Self {
        // The form brings its own type, with the boundary in it.
        self.headers.remove(CONTENT_TYPE);
        self.body = Payload::Upload(upload.clone());
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Sends it and reads the answer as JSON; an empty one (204) reads as `null`.
    ///
    /// # Errors
    /// Any [`Error`], after the tries that [`RetryPolicy`](crate::RetryPolicy) allows.
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
        match self.run(false).await.map_err(|error| error.at(method, &path))? {
            Got::Whole(body) => Ok(body),
            Got::Open(_) => Err(Error::new(Kind::Body, "the answer is a stream").at(method, &path)),
        }
    }

    /// Sends it and hands over the body of the answer piece by piece, whatever its size.
    ///
    /// # Errors
    /// As for [`Request::send`]; pieces have errors of their own.
    pub async fn download(self) -> Result<Download, Error> {
        let (method, path) = (self.method, self.path.clone());
        let timeout = self.rest.timeout.unwrap_or(self.rest.shared.timeout);
        let deadline = self.rest.deadline;
        match self.run(true).await.map_err(|error| error.at(method, &path))? {
            Got::Open(response) => Ok(Download::new(*response, method, path, timeout, deadline)),
            Got::Whole(_) => Err(Error::new(Kind::Body, "the answer is not a stream").at(method, &path)),
        }
    }

    async fn run(mut self, streamed: bool) -> Result<Got, Error> {
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
            streamed,
            repeat: self.repeat,
            timeout: self.rest.timeout.unwrap_or(shared.timeout),
            deadline: self.rest.deadline,
            observer: self.rest.observer.clone(),
        };
        // Boxed: these kilobytes would otherwise be part of every future that holds a call.
        Box::pin(shared.execute(&call)).await
    }
}

/// The body of an answer as `T`.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let type_name = std::any::type_name::<T>();
        let text = match page(&String::from_utf8_lossy(body)) {
            Some(page) => format!("the answer is {page}, not a {type_name}"),
            None => {
                let beginning = said(body).message.chars().take(80).collect::<String>();
                format!("the answer is not a {type_name}: {error}; it begins with {beginning}")
            }
        };
        Error::new(Kind::Body, text).source_is(error)
    })
}
