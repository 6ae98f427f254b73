//! Keeps secrets out of recordings: values behind names that grant access, and every known secret wherever it stands.

use std::sync::{PoisonError, RwLock};

use serde_json::Value;

const HIDDEN: &str = "***";

/// Shorter texts would deface what is recorded without hiding anything.
const SHORTEST: usize = 4;

/// What grants access, as a key of JSON or as a header.
const NAMES: &[&str] = &[
    "api_key_secret",
    "authorization",
    "co3contexttoken",
    "cookie",
    "csrf_token",
    "password",
    "passcode",
    "proxy-authorization",
    "set-cookie",
    "x-co3contexttoken",
    "x-sess-id",
];

/// A growing set of secrets.
#[derive(Default)]
pub(super) struct Redact(RwLock<Vec<String>>);

impl Redact {
    /// Hides this secret from now on.
    pub(super) fn add(&self, secret: &str) {
        if secret.len() >= SHORTEST {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if !known.iter().any(|one| one == secret) {
                known.push(secret.to_owned());
                // No secret is cut up by a shorter one inside it.
                known.sort_by_key(|one| std::cmp::Reverse(one.len()));
            }
        }
    }

    /// The value without secrets.
    pub(super) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.into_iter().map(|value| self.value(value)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let value = if grants_access(&name) && !value.is_null() {
                        HIDDEN.into()
                    } else {
                        self.value(value)
                    };
                    (name, value)
                })
                .collect(),
            other => other,
        }
    }

    /// The text without secrets.
    pub(super) fn text(&self, mut text: String) -> String {
        for secret in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        text
    }
}

fn grants_access(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_by_name_and_by_value() {
        let redact = Redact::default();
        redact.add("s3cr\"et");
        redact.add("abc");
        let value = redact.value(
            json!({"csrf_token": "x", "Set-Cookie": "y", "password": null, "a": ["is s3cr\"et", "abc"]}),
        );
        assert_eq!(
            value,
            json!({"csrf_token": "***", "Set-Cookie": "***", "password": null, "a": ["is ***", "abc"]})
        );
    }
}
