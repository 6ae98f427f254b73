//! One event in the binary mode of HTTP: its attributes are headers, its data is the body.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Received, Refused, json, media};
use crate::subscription::attributes::{is_name, short};

/// The header by which the binary mode is recognised.
pub(super) const SPECVERSION: &str = "ce-specversion";
const PREFIX: &str = "ce-";

pub(super) fn event(
    content_type: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Received, Refused> {
    let mut event = Map::new();
    for header in headers.keys() {
        let Some(name) = header.as_str().strip_prefix(PREFIX) else { continue };
        if !is_name(name) || matches!(name, "data" | "datacontenttype") {
            let text = format!("{} names no attribute that can be sent as a header", short(header.as_str()));
            return Err(Refused::invalid(text));
        }
        let mut values = headers.get_all(header).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => text(value),
            _ => None,
        };
        let value = value.ok_or_else(|| {
            Refused::invalid(format!("{} must come once, as percent-encoded UTF-8", short(header.as_str())))
        })?;
        event.insert(name.to_owned(), value.into());
    }
    if let Some(content_type) = content_type.filter(|text| !text.trim().is_empty()) {
        event.insert("datacontenttype".to_owned(), content_type.into());
    }
    if !body.is_empty() {
        data(&mut event, content_type, body)?;
    }
    Ok(Received { event: json::current(event, now)?, original: None })
}

/// JSON stays JSON and text stays text. Everything else is base64, which version 0.3 names elsewhere.
fn data(event: &mut Map<String, Value>, content_type: Option<&str>, body: &[u8]) -> Result<(), Refused> {
    let is_old = event.get("specversion").is_some_and(|version| version == "0.3");
    let as_text = || std::str::from_utf8(body).ok().map(Value::from);
    let encoded = is_old && event.contains_key("datacontentencoding");
    let json = match content_type {
        _ if encoded => None,
        Some(content_type) if media::is_json(content_type) => Some(json::parse(body)?),
        // Without a type it may be anything, JSON included.
        None => json::parse(body).ok(),
        Some(_) => None,
    };
    let is_text = encoded || content_type.is_some_and(media::is_text);
    if let Some(data) = json.or_else(|| as_text().filter(|_| is_text)) {
        event.insert("data".to_owned(), data);
        return Ok(());
    }
    if content_type.is_none() {
        event.insert("datacontenttype".to_owned(), "application/octet-stream".into());
    }
    let data = BASE64_STANDARD.encode(body);
    if is_old {
        event.insert("datacontentencoding".to_owned(), "base64".into());
        event.insert("data".to_owned(), data.into());
    } else {
        event.insert("data_base64".to_owned(), data.into());
    }
    Ok(())
}

/// A header's value as the HTTP binding 1.0.2 reads it: without its quotes, then percent-decoded once.
fn text(value: &HeaderValue) -> Option<String> {
    let value = value.to_str().ok()?;
    let unquoted = match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => value.to_owned(),
        Some(inner) => {
            let mut chars = inner.chars();
            std::iter::from_fn(|| match chars.next()? {
                '\\' => chars.next(),
                c => Some(c),
            })
            .collect()
        }
    };
    percent_decode(&unquoted)
}

/// `None` if what comes out is not UTF-8. A `%` without two digits stands for itself.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit =
            |at: usize| char::from(*after.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
