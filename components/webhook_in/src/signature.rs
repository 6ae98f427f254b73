//! Who may send a webhook: three ways to prove it, each checked in a time that says nothing about the secret.

use circuits::prelude::*;
use circuits::web::axum::http::{HeaderMap, HeaderName};
use hmac_sha256::{HMAC, Hash};
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};

/// How a sender proves that it knows one of the secrets.
pub(crate) enum Scheme {
    /// HMAC-SHA256 of the body.
    GitHub(Vec<Vec<u8>>),
    /// The specification Standard Webhooks: id, time and body are signed.
    Standard(Vec<Webhook>),
    /// The secret itself in a header; kept as its digest.
    Shared(HeaderName, Vec<[u8; 32]>),
}

/// What a webhook is known by.
#[derive(Debug, PartialEq)]
pub(crate) struct Delivery {
    /// The sender's id of it; it has no blank and no markup.
    pub(crate) id: String,
    /// The digest of the body, where that is all that is signed: who replays it under another id brings nothing new.
    pub(crate) signed: Option<String>,
    /// What happened, if a header says it.
    pub(crate) event: Option<String>,
}

impl Scheme {
    pub(crate) fn github(secrets: &[&str]) -> Self {
        Self::GitHub(secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect())
    }

    /// # Errors
    /// When a secret is not base64; the error does not repeat it.
    pub(crate) fn standard(secrets: &[&str]) -> Result<Self> {
        let keys: Result<_, _> = secrets.iter().map(|secret| Webhook::new(secret)).collect();
        Ok(Self::Standard(
            keys.map_err(|_| Error::new("standard_secret must be base64, with or without whsec_ before it"))?,
        ))
    }

    pub(crate) fn shared(header: HeaderName, secrets: &[&str]) -> Self {
        Self::Shared(header, secrets.iter().map(|secret| Hash::hash(secret.as_bytes())).collect())
    }

    /// Whether the sender knows one of the secrets, and signed this body.
    pub(crate) fn permits(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        match self {
            Self::GitHub(secrets) => {
                let given = text(headers, "x-hub-signature-256")
                    .and_then(|text| unhex(text.strip_prefix("sha256=")?));
                given.is_some_and(|given| secrets.iter().any(|secret| HMAC::verify(body, secret, &given)))
            }
            Self::Standard(keys) => keys.iter().any(|key| key.verify(body, headers).is_ok()),
            Self::Shared(header, digests) => {
                let given = headers.get(header).map(|value| value.as_bytes());
                given.is_some_and(|given| digests.iter().any(|digest| Hash::verify(given, digest)))
            }
        }
    }

    /// What the webhook is known by; only for one that [`permits`](Self::permits) let through.
    ///
    /// # Errors
    /// What is wrong with the id, for the sender.
    pub(crate) fn delivery(&self, headers: &HeaderMap, body: &[u8]) -> Result<Delivery, String> {
        let digest = || hex(&Hash::hash(body));
        let (header, otherwise) = match self {
            Self::GitHub(_) => ("x-github-delivery", None),
            Self::Standard(_) => (HEADER_WEBHOOK_ID, None),
            Self::Shared(..) => ("x-delivery-id", Some(digest())),
        };
        let id =
            if headers.contains_key(header) { text(headers, header).map(str::to_owned) } else { otherwise };
        let plain = |c: char| c.is_ascii_graphic() && !"<>&\"'[]".contains(c);
        let id = id.filter(|id| (1..=200).contains(&id.len()) && id.chars().all(plain)).ok_or_else(|| {
            format!("{header} must be the id of the delivery: 1 to 200 ASCII characters without blanks, quotes, brackets and &")
        })?;
        let github = matches!(self, Self::GitHub(_));
        Ok(Delivery {
            id,
            signed: github.then(digest),
            event: text(headers, "x-github-event").filter(|_| github).map(str::to_owned),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<_>> = text.chars().map(|c| c.to_digit(16)).collect();
    let bytes: Vec<_> =
        digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect();
    let bytes: Vec<_> = bytes.into_iter().filter_map(|byte| u8::try_from(byte).ok()).collect();
    (text.len() == 64).then(|| bytes.try_into().ok()).flatten()
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
