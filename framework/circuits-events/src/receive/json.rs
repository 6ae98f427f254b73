//! One event as a JSON object: the version decides how it is read, the rules of CloudEvents decide whether it is taken.

use cloudevents::{EventBuilder, EventBuilderV10};
use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use super::{Received, Refused, media, v01};
use crate::subscription::attributes::{is_name, is_reserved, is_value, short};

/// How the types of the runner's own events begin.
const OWN: &str = "circuits.";

/// What only version 0.3 defines.
const OF_VERSION_03: [&str; 2] = ["schemaurl", "datacontentencoding"];

pub(super) fn parse(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::invalid(format!("The body is not JSON: {error}")))
}

/// Reads an event of any version.
pub(super) fn event(value: Value, now: Timestamp) -> Result<Received, Refused> {
    let Value::Object(object) = value else {
        return Err(Refused::invalid("An event must be a JSON object"));
    };
    let (event, original) = if object.contains_key("specversion") {
        (object, None)
    } else if let Some(version) = object.get(v01::VERSION) {
        if version.as_str() != Some("0.1") {
            let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
            let text =
                format!("{}: {} is not known; send 0.1 in this form, or 1.0", v01::VERSION, short(&version));
            return Err(Refused::invalid(text));
        }
        (v01::convert(&object)?, Some(Value::Object(object)))
    } else {
        return Err(Refused::invalid("specversion is missing: this is no CloudEvent"));
    };
    Ok(Received { event: current(event, now)?, original })
}

/// Checks an event of version 1.0 or 0.3 and gives it as 1.0.
pub(super) fn current(mut event: Map<String, Value>, now: Timestamp) -> Result<Value, Refused> {
    event.retain(|name, value| name == "data" || !value.is_null());
    check(&event)?;
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    if kind.get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN)) {
        return Err(Refused::own_type(OWN));
    }
    event.entry("time").or_insert_with(|| now.to_string().into());
    // The library does not know all types that are JSON, and need not copy the data.
    let is_json = event.get("datacontenttype").and_then(Value::as_str).is_none_or(media::is_json);
    let plain = is_json && !event.contains_key("data_base64") && !event.contains_key("datacontentencoding");
    let data = if plain { event.shift_remove("data") } else { None };
    let refuse = |what: &dyn std::fmt::Display| Refused::invalid(format!("This is no CloudEvent: {what}"));
    let event: cloudevents::Event =
        serde_json::from_value(Value::Object(event)).map_err(|error| refuse(&error))?;
    let event = EventBuilderV10::from(event).build().map_err(|error| refuse(&error))?;
    let mut event = serde_json::to_value(event).map_err(|error| refuse(&error))?;
    if let (Some(data), Some(event)) = (data, event.as_object_mut()) {
        event.insert("data".to_owned(), data);
    }
    Ok(event)
}

/// The rules that the library leaves out, and those that it refuses without naming the attribute.
fn check(event: &Map<String, Value>) -> Result<(), Refused> {
    for name in ["specversion", "id", "source", "type"] {
        match event.get(name) {
            None => return Err(Refused::invalid(format!("{name} is missing"))),
            Some(Value::String(text)) if text.trim().is_empty() => {
                return Err(Refused::invalid(format!("{name} must not be empty")));
            }
            Some(_) => {}
        }
    }
    for (name, value) in event {
        match name.as_str() {
            "data" | "data_base64" => {}
            name if is_reserved(name) || OF_VERSION_03.contains(&name) => {
                let text = value.as_str();
                if text.is_none_or(|text| text.is_empty() || text.chars().any(char::is_control)) {
                    let text = format!("{name} must be text without control characters, and not empty");
                    return Err(Refused::invalid(text));
                }
            }
            name if !is_name(name) => {
                let text = "is no name for an attribute; it may hold lower-case letters and digits";
                return Err(Refused::invalid(format!("\"{}\" {text}", short(name))));
            }
            name if !is_value(value) => {
                let text = "must be text, true, false or an integer of 32 bits";
                return Err(Refused::invalid(format!("{} {text}", short(name))));
            }
            _ => {}
        }
    }
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    if text("source").is_some_and(|source| source.contains(char::is_whitespace)) {
        return Err(Refused::invalid("source must be a URI or a path without spaces"));
    }
    if text("time").is_some_and(|time| time.parse::<Timestamp>().is_err()) {
        return Err(Refused::invalid("time must be a time such as 2030-01-31T12:00:00Z"));
    }
    for name in ["dataschema", "schemaurl"] {
        if text(name).is_some_and(|schema| Url::parse(schema).is_err()) {
            return Err(Refused::invalid(format!("{name} must be a whole URI such as https://host/schema")));
        }
    }
    match text("specversion").unwrap_or_default() {
        "1.0" => Ok(()),
        "0.3" if event.contains_key("data_base64") => Err(Refused::invalid(
            "data_base64 is not of version 0.3; send data with datacontentencoding base64",
        )),
        "0.3" => Ok(()),
        other => Err(Refused::invalid(format!("specversion {} is not known; send 1.0 or 0.3", short(other)))),
    }
}
