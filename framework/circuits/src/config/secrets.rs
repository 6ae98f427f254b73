//! Secrets: `$NAME` and `${NAME}` taken from the environment, and the judgement which keys hold a secret at all.

use std::collections::BTreeMap;

/// A value after substitution.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// What was put in, each a secret.
    pub(crate) inserted: Vec<String>,
    /// Names that the environment does not have; their text stands unchanged.
    pub(crate) missing: Vec<String>,
}

/// Substitutes `${NAME}` anywhere, or a whole value `$NAME`. What was put in is not scanned again.
pub(crate) fn resolve(text: &str, env: &BTreeMap<String, String>) -> Resolved {
    let mut resolved = Resolved::default();
    if text.contains("${") {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            resolved.text.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                resolved.text.push_str("${");
                rest = after;
                break;
            };
            resolved.insert(name, &format!("${{{name}}}"), env);
            rest = after;
        }
        resolved.text.push_str(rest);
    } else if let Some(name) = text.strip_prefix('$').filter(|name| !name.is_empty()) {
        resolved.insert(name, text, env);
    } else {
        resolved.text.push_str(text);
    }
    resolved
}

impl Resolved {
    fn insert(&mut self, name: &str, original: &str, env: &BTreeMap<String, String>) {
        match env.get(name) {
            Some(value) => {
                self.text.push_str(value);
                self.inserted.push(value.clone());
            }
            None => {
                self.text.push_str(original);
                self.missing.push(name.to_owned());
            }
        }
    }
}

/// Whether a name after `$` reads like a variable. A password may begin with `$` too, and must not be shown as a "name".
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether a value asks for a password vault: `^NAME`, or `^{NAME}` anywhere. Regular expressions begin with `^` as well.
pub(crate) fn asks_vault(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
    };
    text.strip_prefix('^').is_some_and(is_name)
        || text
            .match_indices("^{")
            .any(|(at, _)| text[at + 2..].split_once('}').is_some_and(|(name, _)| is_name(name)))
}

/// Words that make a name a secret's.
const SECRET_WORDS: &[&str] = &[
    "accesskey",
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "jsessionid",
    "jwt",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "privatekey",
    "pwd",
    "secret",
    "secretkey",
    "secrets",
    "token",
];

/// Words that do so only at the end: `db_pass` and `card_pin`, not `pass_through` and `pin_to_top`.
const SECRET_ENDINGS: &[&str] = &["pass", "pin"];

/// Words that make a secret of a following `key`; other keys (routing, primary, sort ...) are not.
const KEY_WORDS: &[&str] =
    &["access", "api", "encryption", "master", "private", "secret", "shared", "signing"];

/// Last words that turn the name of a secret into the name of something about it.
const ABOUT: &[&str] = &[
    "count",
    "date",
    "dir",
    "enabled",
    "expiration",
    "expires",
    "expiry",
    "file",
    "handle",
    "header",
    "id",
    "ids",
    "length",
    "lifetime",
    "limit",
    "name",
    "names",
    "path",
    "policy",
    "prompt",
    "required",
    "secs",
    "seconds",
    "size",
    "time",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
];

/// Whether a key, header or field of this name holds a secret: `password`, `X-API-Key`, `clientSecret` do; `mapping`,
/// `shipping_address`, `keyboard`, `api_key_id` do not. Judged by whole words.
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.last().is_some_and(|last| ABOUT.contains(last)) {
        // The platform's session header ends in "id" and is the session itself.
        return matches!(words.as_slice(), ["x", "sess", "id"] | ["session", "id"] | ["sessionid"]);
    }
    words.iter().any(|word| SECRET_WORDS.contains(word))
        || words.last().is_some_and(|last| SECRET_ENDINGS.contains(last))
        || words.windows(2).any(|pair| matches!(pair, [before, "key" | "keys"] if KEY_WORDS.contains(before)))
}

/// The words of `snake_case`, `kebab-case`, `camelCase` and `HTTPHeader` names, lower-cased.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous: Option<char> = None;
    let mut chars = name.chars().peekable();
    let mut fresh = true;
    while let Some(c) = chars.next() {
        if !c.is_alphanumeric() {
            fresh = true;
        } else {
            let after_lower = previous.is_some_and(|p| p.is_lowercase() || p.is_numeric());
            let before_lower = chars.peek().is_some_and(|next| next.is_lowercase());
            let hump = c.is_uppercase() && (after_lower || before_lower);
            if fresh || hump {
                words.push(String::new());
            }
            fresh = false;
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        previous = Some(c);
    }
    words
}

/// The password in `scheme://user:password@host`, if the text is such an address.
pub(crate) fn url_password(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user_info, _) = authority.rsplit_once('@')?;
    user_info.split_once(':').map(|(_, password)| password).filter(|password| !password.is_empty())
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
