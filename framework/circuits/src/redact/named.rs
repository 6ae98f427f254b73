//! Hides what stands behind a secret's name in any text: `password=x`, `"api_key_secret": "x"`, `X-sess-id: x`,
//! `https://user:x@host`. A second net for secrets that nobody has announced; names are judged by whole words, so that
//! `mapping` and `shipping_address` stay readable.

use super::HIDDEN;
use super::names::is_secret_name;

/// Schemes that stand before the secret in an `Authorization` header.
const SCHEMES: &[&str] = &["basic", "bearer", "digest", "negotiate", "token"];

/// The text with such values as `***`.
pub(crate) fn hide_named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (start, end) in named_secrets(text) {
        out.push_str(&text[copied..start]);
        out.push_str(HIDDEN);
        copied = end;
    }
    out.push_str(&text[copied..]);
    out
}

/// Where such values begin and end, in order.
pub(crate) fn named_secrets(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find([':', '='])).map(|at| from + at) {
        let value = if text[at..].starts_with("://") {
            user_info(text, at + 3)
        } else {
            name_before(&text[copied..at])
                .filter(|name| is_secret_name(name))
                .and_then(|name| value_after(text, at + 1, name))
        };
        from = at + 1;
        if let Some((start, end)) = value {
            found.push((start, end));
            copied = end;
            from = end.max(from);
        }
    }
    found
}

/// The name that ends here, perhaps in quotes: `name`, `"name" `, `\"name\"`.
fn name_before(text: &str) -> Option<&str> {
    let text = text.trim_end_matches(' ');
    let text = text.strip_suffix(['"', '\'', '`']).unwrap_or(text);
    let text = text.trim_end_matches('\\');
    let start = text
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    text.get(start..).filter(|name| !name.is_empty())
}

/// Where the value begins and ends, without its quotes. `None` if there is nothing to hide.
fn value_after(text: &str, from: usize, name: &str) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    // `a::b` is a path and `a == b` a comparison.
    if rest.starts_with([':', '=']) {
        return None;
    }
    let blank = rest.len() - rest.trim_start_matches(' ').len();
    let mut start = from + blank;
    let wrapper = ["Some(", "u", "b", "r"].into_iter().find(|wrapper| {
        text[start..].strip_prefix(wrapper).is_some_and(|rest| rest.starts_with(['"', '\'', '\\']))
    });
    start += wrapper.map_or(0, str::len);
    let value = &text[start..];
    let quote_at = value.len() - value.trim_start_matches('\\').len();
    if let Some(quote @ ('"' | '\'')) = value[quote_at..].chars().next() {
        let inside = start + quote_at + 1;
        let end = inside + closing_quote(&text[inside..], quote, quote_at);
        return (end > inside).then_some((inside, end));
    }
    let end = if value.starts_with('[') {
        value.find(']').unwrap_or(value.len())
    } else if value.starts_with('{') {
        return None;
    } else {
        bare_value(value, name)
    };
    let skip = usize::from(value.starts_with('['));
    let word = value.get(skip..end)?;
    let harmless = ["", "null", "None", "none", "true", "false", "True", "False", HIDDEN].contains(&word);
    (!harmless).then_some((start + skip, start + end))
}

/// Where a quoted value ends: at its quote with as many backslashes before it as the opening one had.
fn closing_quote(text: &str, quote: char, backslashes: usize) -> usize {
    let mut run = 0;
    for (at, c) in text.char_indices() {
        match c {
            '\\' => run += 1,
            c if c == quote && (run == backslashes || backslashes == 0 && run % 2 == 0) => {
                return at - run * usize::from(backslashes > 0);
            }
            _ => run = 0,
        }
    }
    text.len()
}

/// Where a value without quotes ends; behind `Basic` and its like the next word belongs to it.
fn bare_value(value: &str, name: &str) -> usize {
    let word = |text: &str| {
        text.find(|c: char| c.is_whitespace() || ",;&\"'`(){}[]<>\\".contains(c)).unwrap_or(text.len())
    };
    let first = word(value);
    let scheme = value.get(..first).unwrap_or_default().to_ascii_lowercase();
    if name.to_ascii_lowercase().ends_with("authorization") && SCHEMES.contains(&scheme.as_str()) {
        let rest = &value[first..];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        return first + blank + word(&rest[blank..]);
    }
    first
}

/// The secret in the value of a setting of this name: the credentials after `Bearer` and the like, and the password in
/// `user:password@host` of a proxy.
pub(crate) fn secret_of_setting(name: &str, value: &str) -> Option<(usize, usize)> {
    let of_credentials =
        ["auth", "header", "basic", "bearer", "token"].iter().any(|part| name.contains(part));
    if let Some((scheme, rest)) = value.split_once(' ')
        && of_credentials
        && SCHEMES.contains(&scheme.to_ascii_lowercase().as_str())
    {
        let secret = rest.trim_start_matches(' ');
        return (!secret.is_empty()).then_some((value.len() - secret.len(), value.len()));
    }
    if name.contains("proxy") && !value.contains("://") { user_info(value, 0) } else { None }
}

/// The password in `scheme://user:password@host`.
fn user_info(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).unwrap_or(rest.len());
    let at = rest[..end].rfind('@')?;
    let colon = rest[..at].find(':')?;
    (at > colon + 1).then_some((from + colon + 1, from + at))
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
