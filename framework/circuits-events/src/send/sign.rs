//! Signatures by which a receiver knows that a delivery comes from us and is new (Standard Webhooks).

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::Webhook;

use super::SetupError;
use super::failure::Failure;

/// What a secret begins with, so that people and scanners recognise it. It is not part of the key.
const PREFIX: &str = "whsec_";

/// The lengths of a key that the specification allows.
pub(crate) const BYTES: RangeInclusive<usize> = 24..=64;

/// What is wrong with a secret.
pub(crate) enum KeyFault {
    /// It is not base64.
    Base64,
    /// It has so many bytes, which is too few or too many.
    Length(usize),
}

/// The key in a secret: `whsec_` (or nothing) and 24 to 64 bytes in base64.
pub(crate) fn key(secret: &str) -> Result<Vec<u8>, KeyFault> {
    let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let key = STANDARD.decode(text).map_err(|_| KeyFault::Base64)?;
    if BYTES.contains(&key.len()) { Ok(key) } else { Err(KeyFault::Length(key.len())) }
}

/// The key that a receiver shares with us. `Debug` does not show it.
pub struct SigningKey(Webhook);

impl SigningKey {
    /// The key in `secret`: `whsec_` (or nothing) and 24 to 64 bytes in base64, as the specification wants
    /// them.
    ///
    /// # Errors
    /// It is not base64, or has too few or too many bytes. The error does not repeat it.
    pub fn new(secret: &SecretString) -> Result<Self, SetupError> {
        let key = key(secret.expose_secret().trim()).map_err(|fault| match fault {
            KeyFault::Base64 => SetupError::new(
                "the signing secret is not base64: write whsec_ and then 24 to 64 random bytes in base64, \
                 with their padding (=)",
            ),
            KeyFault::Length(bytes) => SetupError::new(format!(
                "the signing secret has {bytes} bytes: write whsec_ and then 24 to 64 random bytes in base64"
            )),
        })?;
        let webhook = Webhook::from_bytes(key)
            .map_err(|error| SetupError::new("the signing secret cannot be used").source_is(error))?;
        Ok(Self(webhook))
    }

    /// The value of `webhook-signature` for a body sent at `timestamp` (seconds since 1970).
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Result<String, Failure> {
        // The specification separates what it signs by full stops, so an id with one would be ambiguous.
        if id.contains('.') {
            return Err(Failure::refused(format!("the id '{id}' cannot be signed: it holds a full stop")));
        }
        let signed = self.0.sign(id, timestamp, body);
        signed.map_err(|error| {
            Failure::refused(format!("the body cannot be signed: {error} (it is not UTF-8)"))
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn key(secret: &str) -> Result<SigningKey, SetupError> {
        SigningKey::new(&SecretString::from(secret))
    }

    #[test]
    fn the_prefix_of_a_secret_is_not_part_of_the_key() {
        let with = key(&format!("whsec_{KEY}")).unwrap();
        let without = key(&format!(" {KEY}\n")).unwrap();
        let signature = with.sign("msg_1", 1_614_265_330, b"{}").unwrap();
        assert!(signature.starts_with("v1,"), "{signature}");
        assert_eq!(without.sign("msg_1", 1_614_265_330, b"{}").unwrap(), signature);
    }

    #[test]
    fn a_signature_is_what_another_implementation_computes() {
        let signed = key(&format!("whsec_{KEY}")).unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_no_key_is_refused_and_not_repeated() {
        let table = [
            ("", "0 bytes"),
            ("whsec_", "0 bytes"),
            ("whsec_c2hvcnQ=", "5 bytes"),
            ("hunter2!hunter2!hunter2!hunter2!", "not base64"),
            ("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "not base64"),
            ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "not base64"),
        ];
        for (secret, expected) in table {
            let error = key(secret).unwrap_err();
            assert!(error.to_string().contains(expected), "{secret}: {error}");
            assert!(error.to_string().contains("24 to 64"), "{secret}: {error}");
            assert!(secret.len() < 8 || !format!("{error} {error:?}").contains(&secret[..8]), "{error:?}");
        }
        let long = STANDARD.encode([7; 65]);
        assert!(key(&long).unwrap_err().to_string().contains("65 bytes"));
    }

    #[test]
    fn a_key_is_not_shown_in_debug() {
        assert_eq!(format!("{:?}", key(KEY).unwrap()), "SigningKey(***)");
    }

    #[test]
    fn what_cannot_be_signed_is_told() {
        let key = key(KEY).unwrap();
        assert!(key.sign("1.2", 0, b"").unwrap_err().text.contains("full stop"));
        assert!(key.sign("12", 0, b"\xff").unwrap_err().text.contains("UTF-8"));
    }
}
