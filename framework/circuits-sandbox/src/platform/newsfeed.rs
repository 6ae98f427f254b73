//! The newsfeed of an incident: what happened to it, in words. Only changes of the phase are written down.
use serde_json::{Value, json};

use super::fire::Cause;
use super::state::{State, now};

impl State {
    /// Adds an entry if the incident moved to another phase. Phases are named, as published readers of this feed expect.
    pub(crate) fn note_phase_change(&mut self, incident: i64, before: &Value, after: &Value, cause: &Cause) {
        let (before, after) = (&before["phase_id"], &after["phase_id"]);
        if before == after {
            return;
        }
        let field = self.types.fields("incident").find(|field| field["name"] == "phase_id");
        let named = |id: &Value| {
            let values = field.and_then(|field| field["values"].as_array()).into_iter().flatten();
            let found = values.into_iter().find(|value| value["value"] == *id);
            found.map_or(Value::Null, |value| value["label"].clone())
        };
        let entry = json!({
            "object_type": "INCIDENT", "entry_type": "PHASE_CHANGE", "inc_id": incident, "timestamp": now(),
            "before": named(before), "after": named(after), "principal": cause.account.principal(),
        });
        self.newsfeed.entry(incident).or_default().insert(0, entry);
    }
}
