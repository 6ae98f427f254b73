//! CloudEvents 0.1, which Pacifica sends: its names become those of 1.0, its extensions become attributes.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value};

use super::Refused;
use crate::subscription::attributes::{is_reserved, is_value, short};

/// The attribute that only version 0.1 has.
pub(super) const VERSION: &str = "cloudEventsVersion";

/// The names of 0.1 and of 1.0.
const NAMES: [(&str, &str); 6] = [
    ("eventID", "id"),
    ("eventType", "type"),
    ("source", "source"),
    ("contentType", "datacontenttype"),
    ("schemaURL", "dataschema"),
    ("eventTime", "time"),
];

/// The same event with the names of 1.0. What 1.0 demands is checked afterwards, but for what has another name here.
pub(super) fn convert(old: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
    let mut new = Map::new();
    new.insert("specversion".to_owned(), "1.0".into());
    for (from, to) in NAMES {
        match old.get(from).filter(|value| !value.is_null()) {
            Some(Value::String(text)) if from == "eventTime" => {
                new.insert(to.to_owned(), time(text)?.to_string().into());
            }
            Some(Value::String(text)) if !text.trim().is_empty() => {
                new.insert(to.to_owned(), text.clone().into());
            }
            Some(_) => return Err(Refused::invalid(format!("{from} must be text, and not empty"))),
            None if matches!(from, "eventID" | "eventType" | "source") => {
                return Err(Refused::invalid(format!("{from} is missing")));
            }
            None => {}
        }
    }
    let none = Map::new();
    let extensions = match old.get("extensions") {
        None | Some(Value::Null) => &none,
        Some(Value::Object(extensions)) => extensions,
        Some(_) => return Err(Refused::invalid("extensions must be an object")),
    };
    let is_defined = |name: &str| {
        NAMES.iter().any(|(from, _)| *from == name) || matches!(name, VERSION | "extensions" | "data")
    };
    let others = old.iter().filter(|(name, _)| !is_defined(name));
    for (name, value) in extensions.iter().chain(others).filter(|(_, value)| !value.is_null()) {
        let flat: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        // In 1.0 both would be one attribute, or one with another meaning.
        if flat.is_empty() || is_reserved(&flat) || new.contains_key(&flat) {
            let text = format!("the extension \"{}\" has no name of its own in CloudEvents 1.0", short(name));
            return Err(Refused::invalid(text));
        }
        new.insert(flat, if is_value(value) { value.clone() } else { value.to_string().into() });
    }
    if let Some(data) = old.get("data") {
        new.insert("data".to_owned(), data.clone());
    }
    Ok(new)
}

/// Pacifica writes times without a zone, and means UTC.
fn time(text: &str) -> Result<Timestamp, Refused> {
    let with_zone = text.parse::<Timestamp>().ok();
    let without = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    with_zone.or_else(without).ok_or_else(|| {
        Refused::invalid(format!("eventTime: \"{}\" is no time such as 2030-01-31T12:00:00Z", short(text)))
    })
}
