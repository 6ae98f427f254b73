//! The judgement which names hold a secret, by whole words and by the ends of words.

/// Words that make a name a secret's, also at the end of a longer word: `smtppw`, `authtoken`.
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
    "psk",
    "pw",
    "pwd",
    "secret",
    "secretkey",
    "secrets",
    "token",
];

/// Words that do so only at the end of a name: `db_pass` and `card_pin`, not `pass_through` and `pin_to_top`.
const SECRET_ENDINGS: &[&str] = &["bearer", "pass", "pin", "sig", "signature"];

/// Words that end like a secret's and are none.
const HARMLESS: &[&str] = &["bypass", "compass", "encompass", "overpass", "surpass", "trespass", "underpass"];

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
    // Whoever knows the address of a webhook can post to it.
    if words.ends_with(&["webhook", "url"]) {
        return true;
    }
    if words.last().is_some_and(|last| ABOUT.contains(last)) {
        // The platform's session header ends in "id" and is the session itself.
        return matches!(words.as_slice(), ["x", "sess", "id"] | ["session", "id"] | ["sessionid"]);
    }
    words.iter().any(|word| SECRET_WORDS.iter().any(|secret| word.ends_with(secret)))
        || words.last().is_some_and(|last| {
            SECRET_ENDINGS.contains(last) || last.ends_with("pass") && !HARMLESS.contains(last)
        })
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

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
