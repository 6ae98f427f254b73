//! What a call of a function contains: the function's name, and its inputs in the form that handlers want.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Call {
    function: Function,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Function {
    Named { name: Box<str> },
    Nameless(IgnoredAny),
}

/// The name of the function that a message calls; empty if it names none.
pub(super) fn function(text: &str) -> Box<str> {
    match serde_json::from_str(text) {
        Ok(Call { function: Function::Named { name } }) => name,
        Ok(Call { function: Function::Nameless(_) }) | Err(_) => Box::default(),
    }
}

/// The inputs, unwrapped from the platform's objects; those without a value are left out.
pub(super) fn plain(inputs: Option<&Value>) -> Map<String, Value> {
    let all = inputs.and_then(Value::as_object).into_iter().flatten();
    all.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), unwrapped(value))).collect()
}

/// A choice is `{"id", "name"}`, several are a list of those, rich text is `{"format" or "type", "content"}`.
fn unwrapped(value: &Value) -> Value {
    match value {
        Value::Array(choices) => choices.iter().map(unwrapped).collect(),
        Value::Object(object) => {
            let part =
                object.get("content").or_else(|| object.get("name").filter(|_| object.contains_key("id")));
            part.unwrap_or(value).clone()
        }
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_function_is_known_by_its_name() {
        for (text, name) in [
            (r#"{"function": {"id": 1, "name": "look_up"}, "inputs": {}}"#, "look_up"),
            (r#"{"function": {"n\u0061me": "a\tb"}}"#, "a\tb"),
            (r#"{"function": {"name": 7}}"#, ""),
            (r#"{"function": {"id": 1}}"#, ""),
        ] {
            assert_eq!(&*function(text), name, "{text}");
        }
    }

    #[test]
    fn inputs_lose_their_wrapping() {
        let inputs = json!({
            "choice": {"id": 111, "name": "select choice"},
            "choices": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
            "rich": {"format": "html", "content": "<b>x</b>"},
            "old": {"type": "text", "content": "y"},
            "none": null, "number": 7, "text": "z", "other": {"name": "without id"},
        });
        let expected = json!({
            "choice": "select choice", "choices": ["a", "b"], "rich": "<b>x</b>", "old": "y", "number": 7, "text": "z",
            "other": {"name": "without id"},
        });
        assert_eq!(Value::Object(plain(Some(&inputs))), expected);
        assert!(plain(None).is_empty() && plain(Some(&json!([1]))).is_empty());
    }
}
