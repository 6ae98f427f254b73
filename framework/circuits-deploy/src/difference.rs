//! How an object on the platform differs from its definition, as far as the component would notice.

use std::fmt;

use serde_json::Value;

use circuits::message::ObjectType;

/// An object that exists, but is not as a component defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub(crate) component: String,
    pub(crate) object: String,
    pub(crate) text: String,
}

impl Difference {
    /// The component that defines it.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The object with its kind in front: `rule Add Task`.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// How it differs, as the predicate of a sentence: `is disabled, so it never fires`.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.object, self.text)
    }
}

pub(crate) fn of_destination(existing: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if existing["destination_type"] == 1 {
        found.push("is a topic, not a queue: runners that share it each get every message".to_owned());
    }
    if existing["expect_ack"] == false {
        found.push("expects no acknowledgement, so nobody sees what becomes of its actions".to_owned());
    }
    found
}

pub(crate) fn of_field(wanted: &Value, existing: &Value) -> Vec<String> {
    let (want, is) = (&wanted["input_type"], &existing["input_type"]);
    if want != is {
        let [want, is] = [want, is].map(|kind| kind.as_str().unwrap_or("(none)"));
        return vec![format!("is of the type {is}, not {want}")];
    }
    let values = existing["values"].as_array().into_iter().flatten();
    let disabled = values.filter(|value| value["enabled"] == false);
    let wants = |label: &Value| {
        wanted["values"].as_array().into_iter().flatten().any(|value| value["label"] == *label)
    };
    disabled
        .filter(|value| wants(&value["label"]))
        .map(|value| format!("has the value {} disabled, so nobody can choose it", value["label"]))
        .collect()
}

/// The labels that a field of choices lacks.
pub(crate) fn missing_choices(wanted: &Value, existing: &Value) -> Vec<String> {
    let labels = |field: &Value| -> Vec<String> {
        let values = field["values"].as_array().into_iter().flatten();
        values.filter_map(|value| value["label"].as_str().map(str::to_owned)).collect()
    };
    let there = labels(existing);
    labels(wanted).into_iter().filter(|label| !there.contains(label)).collect()
}

pub(crate) fn of_rule(wanted: &Value, existing: &Value, destination: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let kind = |rule: &Value| if rule["type"] == 0 { "automatic" } else { "a menu item" };
    if kind(wanted) != kind(existing) {
        found.push(format!("is {}, not {}", kind(existing), kind(wanted)));
    }
    let object = wanted["object_type"].as_i64().and_then(ObjectType::from_id);
    let acts_on_it = match &existing["object_type"] {
        // The rows of each data table have a different type name.
        Value::String(name) => object.is_none_or(|object| object == ObjectType::Row || object.key() == name),
        Value::Number(_) => wanted["object_type"] == existing["object_type"],
        _ => true,
    };
    if !acts_on_it {
        found.push("acts on another type of object".to_owned());
    }
    let sends = existing["message_destinations"].as_array().into_iter().flatten();
    if let Some(destination) = destination
        && !sends.into_iter().any(|one| *one == destination || wanted["message_destinations"][0] == *one)
    {
        found.push(format!("does not send to `{destination}`"));
    }
    let starts = existing["workflows"].as_array().cloned().unwrap_or_default();
    for workflow in wanted["workflows"].as_array().into_iter().flatten() {
        if !starts.iter().any(|one| one == workflow || one["programmatic_name"] == *workflow) {
            found.push(format!("does not start the workflow {workflow}"));
        }
    }
    if existing["enabled"] == false {
        found.push("is disabled, so it never fires".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_component_would_notice_counts() {
        let rule = json!({"type": 1, "object_type": 0, "message_destinations": [7], "enabled": true});
        assert_eq!(of_rule(&rule, &rule, Some("q")), [""; 0]);
        let named = json!({"type": 1, "object_type": 0, "message_destinations": ["q"], "tags": ["x"], "conditions": [1]});
        assert_eq!(of_rule(&rule, &named, Some("q")), [""; 0]);
        let other = json!({"type": 0, "object_type": 1, "message_destinations": [8], "enabled": false});
        assert_eq!(
            of_rule(&rule, &other, Some("q")),
            [
                "is automatic, not a menu item",
                "acts on another type of object",
                "does not send to `q`",
                "is disabled, so it never fires"
            ]
        );
        let values =
            |labels: &[&str]| -> Value { labels.iter().map(|label| json!({"label": label})).collect() };
        let select = json!({"input_type": "select", "values": values(&["a", "b"])});
        let mut there = json!({"input_type": "select", "values": values(&["c", "a"])});
        assert_eq!(missing_choices(&select, &there), ["b"]);
        there["values"][1]["enabled"] = json!(false);
        assert_eq!(of_field(&select, &there), ["has the value \"a\" disabled, so nobody can choose it"]);
        let starts = json!({"type": 1, "workflows": ["w"], "enabled": true});
        assert_eq!(
            of_rule(&starts, &json!({"type": 1, "workflows": []}), None),
            ["does not start the workflow \"w\""]
        );
        assert_eq!(of_field(&select, &json!({"input_type": "text"})), ["is of the type text, not select"]);
        assert_eq!(of_destination(&json!({"destination_type": 0, "expect_ack": true})), [""; 0]);
        assert_eq!(of_destination(&json!({"destination_type": 1, "expect_ack": false})).len(), 2);
    }
}
