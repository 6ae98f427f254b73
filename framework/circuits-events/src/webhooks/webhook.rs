//! One webhook: when it is called, how, and the body of a call.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use circuits::EventKind;
use http::{HeaderMap, Method};
use secrecy::SecretString;
use serde_json::Value;

use super::compile::Node;
use super::error::Error;
use super::format::Format;
use super::payload;

/// A webhook as its definition says, checked.
pub struct Webhook {
    pub(super) name: String,
    pub(super) kind: EventKind,
    pub(super) method: Method,
    /// With the values of its `${NAME}`, so that it can hold a secret.
    pub(super) url: SecretString,
    /// As written.
    pub(super) shown_url: String,
    pub(super) headers: HeaderMap,
    pub(super) secret: Option<SecretString>,
    pub(super) timeout: Duration,
    pub(super) tries: u32,
    pub(super) concurrency: usize,
    pub(super) format: Format,
    /// None if the definition gives no payload.
    pub(super) payload: Option<Node>,
    pub(super) uses_callback: bool,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The bytes; none for a request that has no body at all.
    pub bytes: Option<Bytes>,
}

impl Webhook {
    /// Its name; two webhooks can share one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of event that it is called for.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The method of its requests.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The address, which may hold secrets; for texts there is [`shown_url`](Self::shown_url).
    pub fn url(&self) -> &SecretString {
        &self.url
    }

    /// The address as written, with `${NAME}` where a secret is.
    pub fn shown_url(&self) -> &str {
        &self.shown_url
    }

    /// The headers that the definition adds; all of them are marked sensitive.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The signing secret: base64, with or without `whsec_` before it.
    pub fn secret(&self) -> Option<&SecretString> {
        self.secret.as_ref()
    }

    /// How long one request may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How often a call is tried before it is given up.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// How many of its requests may be under way at a time.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Whether the payload names `callback_url`, so that one must be made.
    pub fn uses_callback(&self) -> bool {
        self.uses_callback
    }

    /// The body of a call, with the values that [`variables`](super::variables()) gives.
    ///
    /// # Errors
    /// A template that fails on these values, or a body of more than 8 MiB; the error names webhook and
    /// place.
    pub fn render(&self, variables: &Value) -> Result<Body, Error> {
        let bytes = match &self.payload {
            Some(node) => {
                let bytes = payload::render(node, self.format, variables);
                Some(bytes.map_err(|error| error.of_webhook(&self.name))?)
            }
            None if matches!(self.method, Method::GET | Method::HEAD) => None,
            None => Some(Bytes::new()),
        };
        Ok(Body { content_type: self.format.content_type(), bytes })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("method", &self.method)
            .field("url", &self.shown_url)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({} {})", self.name, self.method, self.shown_url)
    }
}
