//! Secrets: `$NAME` and `${NAME}` taken from the environment, and values that ask for a password vault.

use std::collections::BTreeMap;

/// A value after substitution.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// What was put in, each a secret.
    pub(crate) inserted: Vec<String>,
    /// Names that the environment does not have; their text stands unchanged.
    pub(crate) missing: Vec<String>,
    /// Names that the environment has with nothing behind them.
    pub(crate) empty: Vec<String>,
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
                if value.is_empty() {
                    self.empty.push(name.to_owned());
                }
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

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
