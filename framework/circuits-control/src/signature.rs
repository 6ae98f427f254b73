//! Signatures of commands, as the Standard Webhooks specification makes them: whoever has the secret gives commands, and nobody can give
//! one of them again.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use circuits::QueueMessage;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

/// The headers of a signed message.
const HEADERS: [&str; 3] = [HEADER_WEBHOOK_ID, HEADER_WEBHOOK_TIMESTAMP, HEADER_WEBHOOK_SIGNATURE];

/// The secret. Cheap to clone; `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct Key(Arc<Webhook>);

impl Key {
    /// `whsec_` (or nothing), and 24 to 64 bytes in base64.
    pub(crate) fn new(secret: &str) -> Result<Self, &'static str> {
        let wrong = "must be whsec_ and then 24 to 64 random bytes in base64, as `openssl rand -base64 32` prints them";
        let key =
            BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).map_err(|_| wrong)?;
        if !(24..=64).contains(&key.len()) {
            return Err(wrong);
        }
        Webhook::from_bytes(key).map(|webhook| Self(Arc::new(webhook))).map_err(|_| wrong)
    }

    /// The id of a message that is signed, at most five minutes ago.
    pub(crate) fn id<'a>(&self, message: &'a QueueMessage) -> Option<&'a str> {
        let mut headers = HeaderMap::new();
        for name in HEADERS {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(message.header(name)?).ok()?);
        }
        self.0.verify(message.body(), &headers).ok()?;
        message.header(HEADER_WEBHOOK_ID)
    }

    /// The headers of a message with this id and body that is sent now.
    pub(crate) fn headers(&self, id: &str, body: &[u8]) -> Option<[(&'static str, String); 3]> {
        let now = Timestamp::now().as_second();
        let signature = self.0.sign(id, now, body).ok()?;
        let [for_id, for_time, for_signature] = HEADERS;
        Some([(for_id, id.to_owned()), (for_time, now.to_string()), (for_signature, signature)])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}
