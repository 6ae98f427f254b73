//! One call to a receiver, and the headers that it carries.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use url::Url;

use super::SigningKey;
use super::failure::Failure;

/// One call to a receiver. `Debug` shows the receiver's host and port, and nothing that may be a secret.
pub struct Call<'a> {
    /// The method, in upper case.
    pub method: Method,
    /// Where to, http or https. A user and a password in it are sent as basic authorization, unless there is
    /// an `authorization`.
    pub url: &'a Url,
    /// Further headers. Those that the other fields stand for, and those that frame the message, are
    /// replaced.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What to send; `None` sends nothing.
    pub body: Option<Bytes>,
    /// The type of the body.
    pub content_type: Option<&'a str>,
    /// The whole value of the header `Authorization`.
    pub authorization: Option<SecretString>,
    /// The key to sign with.
    pub signature: Option<&'a SigningKey>,
    /// The event's id, the same in each try: the header `webhook-id`, by which a receiver recognises what it
    /// has already.
    pub id: &'a str,
    /// How long the call may take, from the look-up of the name to the end of the answer.
    pub timeout: Duration,
}

impl Call<'_> {
    /// The receiver, as far as it may be shown.
    pub(crate) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The headers of a call that is made at `now` (seconds since 1970).
    pub(crate) fn headers(&self, now: i64) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        // The client frames the message: after a wrong length, the rest would count as a second request.
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        match self.content_type {
            Some(content_type) if self.body.is_some() => {
                headers.insert(CONTENT_TYPE, value("the content type", content_type)?);
            }
            _ => {}
        }
        if let Some(authorization) = &self.authorization {
            let mut secret = value("the authorization", authorization.expose_secret())?;
            secret.set_sensitive(true);
            headers.insert(AUTHORIZATION, secret);
        }
        headers.insert(HEADER_WEBHOOK_ID, value("the id", self.id)?);
        if let Some(key) = self.signature {
            let signature = key.sign(self.id, now, self.body.as_deref().unwrap_or_default())?;
            headers.insert(HEADER_WEBHOOK_TIMESTAMP, now.into());
            headers.insert(HEADER_WEBHOOK_SIGNATURE, value("the signature", &signature)?);
        }
        Ok(headers)
    }
}

fn value(what: &str, text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| {
        Failure::refused(format!("{what} cannot be a header: it holds a line break or a control character"))
    })
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("place", &self.place())
            .field("id", &self.id)
            .field("bytes", &self.body.as_ref().map(Bytes::len))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(url: &Url) -> Call<'_> {
        Call {
            method: Method::POST,
            url,
            headers: Vec::new(),
            body: Some(Bytes::from_static(b"{}")),
            content_type: Some("application/json"),
            authorization: Some("Bearer s3cret".to_owned().into()),
            signature: None,
            id: "0b1c",
            timeout: Duration::from_secs(10),
        }
    }

    fn url() -> Url {
        Url::parse("https://user:s3cret@h.example.com/s3cret?s3cret").unwrap()
    }

    #[test]
    fn a_call_in_debug_shows_its_receiver_and_no_secret() {
        let url = url();
        let headers = vec![(HeaderName::from_static("x-key"), HeaderValue::from_static("s3cret"))];
        let body = Some(Bytes::from_static(b"s3cret"));
        let shown = format!("{:?}", Call { headers, body, ..call(&url) });
        assert!(shown.contains("h.example.com:443") && shown.contains("0b1c"), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains("user"), "{shown}");
    }

    #[test]
    fn the_authorization_is_not_shown_with_the_headers() {
        let headers = call(&url()).headers(0).unwrap();
        assert_eq!(headers["authorization"], "Bearer s3cret");
        assert!(!format!("{headers:?}").contains("s3cret"), "{headers:?}");
    }

    #[test]
    fn further_headers_replace_none_of_ours() {
        let url = url();
        let further =
            ["content-length", "transfer-encoding", "content-type", "authorization", "webhook-id", "x"];
        let headers =
            further.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("9"))).into();
        let headers = Call { headers, ..call(&url) }.headers(0).unwrap();
        assert!(!headers.contains_key("content-length") && !headers.contains_key("transfer-encoding"));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["authorization"], "Bearer s3cret");
        assert_eq!(headers["webhook-id"], "0b1c");
        assert_eq!(headers["x"], "9");
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_told_without_its_value() {
        let url = url();
        let authorization = Some("Bearer s3cret\r\nx: y".to_owned().into());
        let failure = Call { authorization, ..call(&url) }.headers(0).unwrap_err();
        assert!(failure.text.starts_with("the authorization cannot be a header"), "{}", failure.text);
        assert!(!failure.text.contains("s3cret"), "{}", failure.text);
    }
}
