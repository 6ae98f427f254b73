//! Media types of CloudEvents and of their data.

/// One event in JSON.
pub(super) const EVENT: &str = "application/cloudevents+json";
/// Many events in JSON.
pub(super) const BATCH: &str = "application/cloudevents-batch+json";
/// How all media types of whole events begin.
pub(super) const ANY_EVENT: &str = "application/cloudevents";
/// JSON, which may be an event.
pub(super) const JSON: &str = "application/json";

/// A media type without its parameters, in lower case.
pub(super) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether data of this type is JSON.
pub(super) fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    matches!(essence.as_str(), JSON | "text/json") || essence.ends_with("+json")
}

/// Whether data of this type is text for people and programs alike.
pub(super) fn is_text(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.starts_with("text/") || essence == "application/xml" || essence.ends_with("+xml")
}
