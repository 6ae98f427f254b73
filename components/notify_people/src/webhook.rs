//! A JSON document posted to one fixed address. Only the host of the address is ever shown, because such addresses are secrets.

use std::error::Error as StdError;

use bytes::Bytes;
use circuits::prelude::*;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Uri};
use hyper_tls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Where to post.
pub(crate) struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
}

impl Webhook {
    /// # Errors
    /// When the address is not valid; the error does not repeat it.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let uri = url.parse::<Uri>().ok().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        let url = uri.ok_or_else(|| {
            Error::new("webhook_url must be an http or https address, without a user and a password in it")
        })?;
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(HttpsConnector::new()), url })
    }

    /// Posts one document and follows no redirect. `key` identifies the action, for receivers that look at
    /// `Idempotency-Key`.
    pub(crate) async fn send(&self, document: Value, key: &str) -> Result<()> {
        let host = self.url.host().unwrap_or_default();
        let mut request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(document.to_string())))?;
        if let Ok(key) = HeaderValue::from_str(key) {
            request.headers_mut().insert("idempotency-key", key);
        }
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| Error::new(format_args!("{host} cannot be reached: {}", causes(&error))))?;
        if !answer.status().is_success() {
            return Err(Error::new(format_args!("{host} answered {}", answer.status())));
        }
        Ok(())
    }
}

/// The library's own text says little; the causes below it say what happened.
fn causes(error: &dyn StdError) -> String {
    let chain = std::iter::successors(error.source(), |error: &&(dyn StdError + 'static)| (**error).source())
        .map(ToString::to_string);
    let chain: Vec<_> = chain.collect();
    if chain.is_empty() { error.to_string() } else { chain.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_not_repeated() {
        assert!(Webhook::new("https://hooks.example.com/T0/s3cret").is_ok());
        for url in
            ["hooks.example.com/s3cret", "ftp://h/s3cret", "https://u:s3cret@h/", "s3cret s3cret", "http://"]
        {
            let error = Webhook::new(url).err().unwrap().to_string();
            assert!(error.contains("webhook_url") && !error.contains("s3cret"), "{error}");
        }
    }
}
