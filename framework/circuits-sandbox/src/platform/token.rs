//! The context token: a JWT that lists the rules a change must not fire again.
use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

/// Makes and reads tokens of one sandbox. The signing key is new at each start, so tokens of other sandboxes have no effect.
#[derive(Default)]
pub(crate) struct Tokens(RandomState);

impl Tokens {
    /// A token for a message of these rules; valid for a day, like the recorded ones.
    pub(crate) fn issue(&self, rules: &[i64]) -> String {
        let payload = json!({"actions": rules, "expirationDate": crate::clock::now_ms() + 86_400_000});
        let signed =
            format!("{}.{}", BASE64.encode(r#"{"alg":"HS256"}"#), BASE64.encode(payload.to_string()));
        let signature = BASE64.encode(self.signature(&signed));
        format!("{signed}.{signature}")
    }

    /// The rules that a token names; empty if the token is not from this sandbox.
    pub(crate) fn rules(&self, token: &str) -> Vec<i64> {
        self.read(token).unwrap_or_default()
    }

    fn read(&self, token: &str) -> Option<Vec<i64>> {
        let (signed, signature) = token.rsplit_once('.')?;
        if BASE64.decode(signature).ok()? != self.signature(signed) {
            return None;
        }
        let payload: Value = serde_json::from_slice(&BASE64.decode(signed.split_once('.')?.1).ok()?).ok()?;
        Some(payload.get("actions")?.as_array()?.iter().filter_map(Value::as_i64).collect())
    }

    fn signature(&self, text: &str) -> [u8; 32] {
        let mut out = [0; 32];
        for (round, part) in out.chunks_mut(8).enumerate() {
            part.copy_from_slice(&self.0.hash_one((round, text)).to_be_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_unchanged_tokens_count() {
        let tokens = Tokens::default();
        let token = tokens.issue(&[3, 4]);
        assert_eq!(tokens.rules(&token), [3, 4]);
        assert_eq!(Tokens::default().rules(&token), Vec::<i64>::new());
        assert_eq!(tokens.rules("dummy"), Vec::<i64>::new());
        assert_eq!(tokens.rules(&token[..token.len() - 2]), Vec::<i64>::new());
    }
}
