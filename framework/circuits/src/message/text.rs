//! JSON as it really arrives: UTF-8 with the odd stray byte, and UTF-16 surrogate escapes that have lost their partner.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// `body` as text and as a `T`; if that fails, it tries once more with stray bytes and lone surrogate escapes replaced by
/// U+FFFD.
pub(crate) fn parse_tolerantly<T: DeserializeOwned>(body: &[u8]) -> Result<(Box<str>, T), String> {
    let first = match std::str::from_utf8(body).map(|text| (text, serde_json::from_str(text))) {
        Ok((text, Ok(parsed))) => return Ok((text.into(), parsed)),
        Ok((_, Err(error))) => Some(error),
        Err(_) => None,
    };
    let mended = mend(body);
    match serde_json::from_str(&mended) {
        Ok(parsed) => Ok((mended.into(), parsed)),
        Err(error) => Err(format!("the message body is not JSON: {}", first.unwrap_or(error))),
    }
}

fn mend(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match replace_lone_surrogates(&text) {
        Cow::Borrowed(_) => text.into_owned(),
        Cow::Owned(mended) => mended,
    }
}

fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(step) = text[at..].find('\\') {
        let escape = at + step;
        let unit = code_unit(bytes, escape);
        at = match unit {
            Some(0xD800..=0xDBFF) if matches!(code_unit(bytes, escape + 6), Some(0xDC00..=0xDFFF)) => {
                escape + 12
            }
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[copied..escape]);
                out.push_str("\\ufffd");
                copied = escape + 6;
                copied
            }
            // Any other escape is two bytes, so that the second half of `\\` starts nothing; it may be cut off at the end,
            // and what follows the backslash may be wider than a byte.
            _ => escape + 1 + text[escape + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The UTF-16 code unit of a `\uXXXX` escape that starts at `at`.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, from_str};

    fn parsed(body: &str) -> String {
        let (text, value) = parse_tolerantly::<Value>(body.as_bytes()).unwrap();
        assert_eq!(from_str::<Value>(&text).unwrap(), value);
        value["a"].as_str().unwrap().to_owned()
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        assert_eq!(parsed(r#"{"a":"x\ud800y"}"#), "x\u{fffd}y");
        assert_eq!(parsed(r#"{"a":"\udc00\ud83d\ude00"}"#), "\u{fffd}\u{1F600}");
        assert_eq!(parsed(r#"{"a":"\\ud800 \ud800"}"#), "\\ud800 \u{fffd}");
    }

    #[test]
    fn stray_bytes_become_replacement_characters() {
        let (_, value) = parse_tolerantly::<Value>(b"{\"a\":\"x\xffy\"}").unwrap();
        assert_eq!(value["a"], "x\u{fffd}y");
    }

    #[test]
    fn the_error_is_about_the_body_as_it_came() {
        let error = parse_tolerantly::<Value>(b"<xml/>").unwrap_err();
        assert!(error.contains("not JSON: expected value at line 1 column 1"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_panic(text in "[\\\\u{d800}\"a{:}0-9é]{0,40}") {
            let _ = parse_tolerantly::<Value>(text.as_bytes());
        }
    }
}
