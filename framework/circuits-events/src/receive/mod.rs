//! CloudEvents from outside: one request in, its events in the form of CloudEvents 1.0 out, or a refusal with its status.
//!
//! Taken are versions 1.0 and 0.3 in the structured, the binary and the batched mode, and Pacifica's JSON of version 0.1.

mod binary;
mod json;
mod media;
mod refused;
mod v01;

#[cfg(test)]
mod tests;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use crate::subscription::{Matcher, TooCostly};

pub use refused::Refused;

/// What one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of its body in bytes.
    pub body: usize,
    /// The number of its events.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 1024 * 1024, events: 500 }
    }
}

/// One event that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The event as CloudEvents 1.0.
    pub event: Value,
    /// The event as it came, if that was version 0.1: a subscription may be written for its names.
    pub original: Option<Value>,
}

impl Received {
    /// Whether a path selects anything in the event, in either of its forms.
    ///
    /// # Errors
    /// When it might take too long.
    pub fn is_selected_by(&self, matcher: &Matcher) -> Result<bool, TooCostly> {
        match &self.original {
            Some(original) if matcher.selects(original)? => Ok(true),
            _ => matcher.selects(&self.event),
        }
    }
}

/// The events of one request, in their order. An event without a time gets `now`. All or none are taken.
///
/// # Errors
/// 400 when something is missing or wrong, 403 for the types that are the runner's own, 413 when the request is too
/// large, 415 when its media type is not one of CloudEvents.
pub fn events(
    content_type: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    limits: Limits,
) -> Result<Vec<Received>, Refused> {
    if body.len() > limits.body {
        let text = format!("The body has {} bytes; {} are allowed", body.len(), limits.body);
        return Err(Refused::too_large(text));
    }
    match content_type.map(media::essence).as_deref() {
        Some(media::BATCH) => batch(body, now, limits),
        Some(media::EVENT) => Ok(vec![json::event(json::parse(body)?, now)?]),
        Some(other) if other.starts_with(media::ANY_EVENT) => Err(Refused::media_type(other)),
        _ if headers.contains_key(binary::SPECVERSION) => {
            Ok(vec![binary::event(content_type, headers, body, now)?])
        }
        None | Some(media::JSON) => Ok(vec![json::event(json::parse(body)?, now)?]),
        Some(other) => Err(Refused::media_type(other)),
    }
}

fn batch(body: &[u8], now: Timestamp, limits: Limits) -> Result<Vec<Received>, Refused> {
    let Value::Array(items) = json::parse(body)? else {
        return Err(Refused::invalid(format!("A body of {} must be a JSON array", media::BATCH)));
    };
    if items.len() > limits.events {
        let text = format!("The batch has {} events; {} are allowed", items.len(), limits.events);
        return Err(Refused::too_large(text));
    }
    let events = items.into_iter().enumerate();
    events.map(|(index, item)| json::event(item, now).map_err(|refused| refused.in_batch(index))).collect()
}
