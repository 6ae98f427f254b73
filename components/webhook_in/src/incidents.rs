//! The incident that a webhook is about, on the platform. Its description and its notes end with a line that names the
//! delivery, so a webhook that comes again is recognised also where nothing else remembers it.

use circuits::prelude::*;
use circuits::rest::{Method, RestError, TextFormat};
use serde_json::{Value, json};

use crate::customize::FIELD;
use crate::deliveries::now;
use crate::template::Texts;

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Done {
    Opened,
    Updated,
    /// It was there already, and nothing was changed.
    Repeated,
}

impl Done {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Repeated => "repeated",
        }
    }
}

/// Opens an incident, or adds a note to the one that is about the same, which may be closed.
pub(crate) async fn apply(rest: &Rest, texts: &Texts, mark: &str) -> Result<(i64, Done), RestError> {
    let text = json!({"format": "text", "content": format!("{}\n\n{mark}", texts.note).trim_start()});
    let Some((id, incident)) = find(rest, &texts.about).await? else {
        let incident = json!({
            "name": texts.name,
            "description": text,
            "discovered_date": now(),
            "properties": {FIELD: texts.about},
        });
        let opened: Opened = rest.post("/incidents", &incident).await?;
        return Ok((opened.id, Done::Opened));
    };
    let notes = format!("/incidents/{id}/comments");
    let mut there = rest.with_text(TextFormat::ObjectsConvertText).list(&notes).await?;
    there.push(json!({"text": incident["description"]}));
    if there.iter().any(|note| ends_with(&note["text"], mark)) {
        return Ok((id, Done::Repeated));
    }
    rest.post::<_, Value>(&notes, &json!({ "text": text })).await?;
    Ok((id, Done::Updated))
}

#[derive(serde::Deserialize)]
struct Opened {
    id: i64,
}

/// The oldest incident about this, with its id.
async fn find(rest: &Rest, about: &str) -> Result<Option<(i64, Value)>, RestError> {
    let condition = json!({"field_name": format!("properties.{FIELD}"), "method": "equals", "value": about});
    let query = json!({"filters": [{"conditions": [condition]}]});
    let rest = rest.with_text(TextFormat::ObjectsConvertText);
    let request = rest.request(Method::Post, "/incidents/query?return_level=full").read_only();
    let mut found: Vec<Value> = request.json(&query).send().await?;
    // The platform may compare without case.
    found.retain(|incident| incident["properties"][FIELD] == about);
    let found = found.into_iter().filter_map(|incident| Some((incident["id"].as_i64()?, incident)));
    Ok(found.min_by_key(|(id, _)| *id))
}

/// Only the end counts: what stands before it came with a webhook, and may say anything.
fn ends_with(text: &Value, mark: &str) -> bool {
    let text = text.as_str().or_else(|| text["content"].as_str());
    text.is_some_and(|text| text.trim_end().ends_with(mark))
}
