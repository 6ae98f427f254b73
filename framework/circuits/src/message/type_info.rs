//! Labels for the ids in a message: the platform sends select values as ids and explains them under `type_info`.

use serde_json::Value;

/// The `type_info` of one message.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo<'a> {
    types: Option<&'a Value>,
}

impl<'a> TypeInfo<'a> {
    pub(crate) fn new(types: Option<&'a Value>) -> Self {
        Self { types }
    }

    /// The label of one select value: `label("incident", "severity_code", &incident["severity_code"])`.
    ///
    /// `type_name` is the platform's type (`incident`, `task`, `actioninvocation`, ...). `None` if the message does not
    /// explain the value, or the value is null.
    pub fn label(self, type_name: &str, field: &str, value: &Value) -> Option<&'a str> {
        let values = self.types?.get(type_name)?.get("fields")?.get(field)?.get("values")?;
        let key = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        values.get(&key)?.get("label")?.as_str()
    }

    /// The labels of a multi-select value, in its order; values without a label are left out.
    pub fn labels(self, type_name: &str, field: &str, values: &Value) -> Vec<&'a str> {
        match values {
            Value::Array(values) => {
                values.iter().filter_map(|value| self.label(type_name, field, value)).collect()
            }
            value => self.label(type_name, field, value).into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_of_numbers_texts_and_lists() {
        let types = json!({"incident": {"fields": {
            "severity_code": {"values": {"5": {"label": "Medium"}}},
            "plan_status": {"values": {"A": {"label": "Active"}}},
            "types": {"values": {"1": {"label": "Malware"}, "2": {"label": "Phishing"}}},
        }}});
        let info = TypeInfo::new(Some(&types));
        assert_eq!(info.label("incident", "severity_code", &json!(5)), Some("Medium"));
        assert_eq!(info.label("incident", "plan_status", &json!("A")), Some("Active"));
        assert_eq!(info.label("incident", "severity_code", &json!(null)), None);
        assert_eq!(info.labels("incident", "types", &json!([2, 1, 9])), ["Phishing", "Malware"]);
        assert_eq!(TypeInfo::new(None).label("incident", "x", &json!(1)), None);
    }
}
