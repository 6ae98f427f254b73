//! The newsfeed of an incident: what happened to it, in words. Only changes of the phase are recorded.
use std::collections::HashMap;

use serde_json::{Value, json};

use super::definitions::Types;
use super::firing::Cause;
use crate::clock::now;

/// The entries of each incident, newest first.
#[derive(Default)]
pub(crate) struct Newsfeed(HashMap<i64, Vec<Value>>);

impl Newsfeed {
    pub(crate) fn of(&self, incident: i64) -> &[Value] {
        self.0.get(&incident).map(Vec::as_slice).unwrap_or_default()
    }

    /// Adds an entry if the incident moved to another phase. Phases are given by name, as existing readers of this feed expect.
    pub(super) fn note_phase_change(
        &mut self,
        types: &Types,
        incident: i64,
        (before, after): (&Value, &Value),
        cause: &Cause,
    ) {
        let (before, after) = (&before["phase_id"], &after["phase_id"]);
        if before == after {
            return;
        }
        let field = types.fields("incident").find(|field| field["name"] == "phase_id");
        let named = |id: &Value| {
            let values = field.and_then(|field| field["values"].as_array()).into_iter().flatten();
            let found = values.into_iter().find(|value| value["value"] == *id);
            found.map_or(Value::Null, |value| value["label"].clone())
        };
        let entry = json!({
            "object_type": "INCIDENT", "entry_type": "PHASE_CHANGE", "inc_id": incident, "timestamp": now(),
            "before": named(before), "after": named(after), "principal": cause.account.principal(),
        });
        self.0.entry(incident).or_default().insert(0, entry);
    }
}
