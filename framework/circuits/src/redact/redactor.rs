//! Keeps secrets out of text: every known secret in every form it may take on its way to the log, and what stands behind a
//! name like `password`, known or not.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use serde_json::Value;

use super::named::hide_named;
use super::{HIDDEN, is_secret_name};

/// Shorter texts are not looked for: `1` or `abc` as a "secret" would deface every line without hiding anything. They are
/// still hidden behind their names.
const SHORTEST: usize = 4;

/// A piece of base64 that does not begin with the secret must be so long, not to be met in words by chance.
const SHORTEST_PIECE: usize = 8;

/// A growing set of secrets, shared by all clones.
#[derive(Clone, Default)]
pub struct Redactor {
    /// All forms of all secrets, longest first, so that no secret is cut up by a shorter one inside it.
    forms: Arc<RwLock<Vec<String>>>,
}

impl Redactor {
    /// Knows these secrets from the start.
    pub fn new<S: AsRef<str>>(secrets: &[S]) -> Self {
        let redactor = Self::default();
        secrets.iter().for_each(|secret| redactor.add(secret.as_ref()));
        redactor
    }

    /// Hides this secret from now on, in lines that are not written yet too.
    pub fn add(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST {
            return;
        }
        let mut forms = self.forms.write().unwrap_or_else(PoisonError::into_inner);
        if forms.iter().any(|form| form == secret) {
            return;
        }
        forms.extend(forms_of(secret));
        forms.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        forms.dedup();
    }

    /// The text without secrets.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in self.forms.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), HIDDEN);
            }
        }
        hide_named(&text)
    }

    /// The JSON value without secrets: what stands behind a secret's name is hidden as well.
    pub fn hide_in(&self, value: Value) -> Value {
        self.hide_all(value, false)
    }

    /// `named`: whether a secret's name stands before the value, or before the list that holds it.
    fn hide_all(&self, value: Value, named: bool) -> Value {
        match value {
            Value::String(_) | Value::Number(_) if named => HIDDEN.into(),
            Value::String(text) => Value::String(self.hide(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.hide_all(value, named)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let value = self.hide_all(value, is_secret_name(&name));
                    (name, value)
                })
                .collect(),
            other => other,
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// The ways a secret may be written: as it is, in JSON (once or twice), by `{:?}`, in an address or a form, in a STOMP
/// header, in base64 alone or inside `user:secret`.
fn forms_of(secret: &str) -> Vec<String> {
    let json = json(secret);
    let mut forms = vec![
        secret.to_owned(),
        self::json(&json),
        json,
        quoted(&format!("{secret:?}")),
        secret.escape_default().to_string(),
        percent(secret, false),
        percent(secret, true),
        percent(secret, false).replace("%20", "+"),
        stomp(secret),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    forms.extend((0..3).filter_map(|before| inner_base64(secret, before)));
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn json(text: &str) -> String {
    serde_json::to_string(text).map(|text| quoted(&text)).unwrap_or_default()
}

/// What stands between the quotes.
fn quoted(text: &str) -> String {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned()
}

fn percent(text: &str, lower_case: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ if lower_case => encoded.push_str(&format!("%{byte:02x}")),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn stomp(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n").replace(':', "\\c")
}

/// The characters of base64 that depend on the secret alone if it begins so many bytes into a group of three, as it does
/// in `Basic base64(user:secret)`.
fn inner_base64(secret: &str, before: usize) -> Option<String> {
    let mut bytes = vec![0; before];
    bytes.extend(secret.bytes());
    let first = (before * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    encoded.get(first..end).filter(|piece| piece.len() >= SHORTEST_PIECE).map(str::to_owned)
}

#[cfg(test)]
#[path = "redactor_tests.rs"]
mod tests;
