//! The REST requests that the sandbox saw, for assertions.
use bytes::Bytes;

/// One REST request and the status it was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without the `?`; empty if there was none.
    pub query: String,
    /// All headers, names in lower case, credentials included (the sandbox made them up itself).
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Bytes,
    /// The status answered; none when a fault left the request without an answer.
    pub status: Option<u16>,
}

impl Request {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
