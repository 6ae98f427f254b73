//! The contents of an object that matter to people who deploy it, to show how the platform's object differs from the definition.
//! Numbers, dates and authors are different on each platform and left out.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;
use similar::TextDiff;

/// Parts of an object by their names for people; a part that is a text may have several lines.
pub(crate) type Contents = Vec<(&'static str, String)>;

/// The API names of fields by their uuid: objects refer to fields by it.
pub(crate) type FieldNames = HashMap<String, String>;

/// The contents of an object of this kind.
pub(crate) fn of(kind: &str, object: &Value, fields: &FieldNames) -> Contents {
    let mut parts = Contents::new();
    let mut add = |name: &'static str, value: &Value| {
        if let Some(text) = text(value) {
            parts.push((name, text));
        }
    };
    match kind {
        "message destination" => {
            add("name", &object["name"]);
            add("type", &object["destination_type"]);
            add("expected acknowledgement", &object["expect_ack"]);
        }
        "data table" => {
            add("name", &object["display_name"]);
            let mut columns: Vec<&Value> =
                object["fields"].as_object().into_iter().flatten().map(|(_, one)| one).collect();
            columns
                .sort_by_key(|column| (column["order"].as_i64(), column["name"].as_str().map(str::to_owned)));
            let columns = columns.into_iter().map(|one| {
                format!("{} ({}) {}", of_str(&one["name"]), of_str(&one["input_type"]), of_str(&one["text"]))
            });
            add("columns", &lines(columns));
        }
        "function" => {
            add("name", &object["display_name"]);
            add("description", plain(&object["description"]));
            add("message destination", &object["destination_handle"]);
            add("inputs", &view(object, fields));
        }
        "rule" => {
            add("kind", &Value::from(if object["type"] == 0 { "automatic" } else { "menu item" }));
            add("object", &object["object_type"]);
            add("state", &Value::from(if object["enabled"] == false { "disabled" } else { "enabled" }));
            add("conditions", &indented(&object["conditions"]));
            add("logic of its conditions", &object["logic_type"]);
            add("message destinations", &indented(&object["message_destinations"]));
            add("workflows", &indented(&object["workflows"]));
            add("dialog", &view(object, fields));
        }
        "script" => {
            add("language", &object["language"]);
            add("object", &object["object_type"]);
            add("text", &object["script_text"]);
        }
        "workflow" => {
            add("name", &object["name"]);
            add("object", &object["object_type"]);
            add("content", &bpmn(&object["content"]["xml"]));
        }
        "playbook" => {
            add("name", &object["display_name"]);
            add("object", &object["object_type"]);
            add("state", &object["status"]);
            add("activation", &object["activation_type"]);
            add("content", &bpmn(&object["content"]["xml"]));
        }
        _ => {
            add("type", &object["input_type"]);
            add("label", &object["text"]);
            add("tooltip", &object["tooltip"]);
            add("requirement", &object["required"]);
        }
    }
    parts
}

/// How the platform's object differs from the definition, one text for each part that the definition has.
pub(crate) fn differences(wanted: &Contents, existing: &Contents) -> Vec<String> {
    let mut found = Vec::new();
    for (part, want) in wanted {
        let is = existing.iter().find(|(other, _)| other == part).map_or("", |(_, text)| text);
        if want == is {
            continue;
        }
        if want.contains('\n') || is.contains('\n') {
            let (is, want) = (format!("{is}\n"), format!("{want}\n"));
            let diff = TextDiff::from_lines(&is, &want);
            let mut text = format!("has other {part} (- on the platform, + in the definition)");
            for line in diff.unified_diff().context_radius(2).to_string().lines() {
                // Writing to a String cannot fail.
                let _ = write!(text, "\n{line}");
            }
            found.push(text);
        } else if is.is_empty() {
            found.push(format!("has no {part}, which should be {want}"));
        } else {
            found.push(format!("has the {part} {is}, not {want}"));
        }
    }
    found
}

/// The value as text; an empty one counts as not given.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.trim_end().replace("\r\n", "\n")).filter(|text| !text.is_empty()),
        Value::Array(list) if list.is_empty() => None,
        other => Some(other.to_string()),
    }
}

fn of_str(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Rich text without its format.
fn plain(value: &Value) -> &Value {
    value.get("content").unwrap_or(value)
}

fn lines(lines: impl Iterator<Item = String>) -> Value {
    Value::from(lines.collect::<Vec<_>>().join("\n"))
}

/// JSON with one value per line. To the platform, `null` and an absent key are the same.
fn indented(value: &Value) -> Value {
    fn without_nulls(value: &Value) -> Value {
        match value {
            Value::Array(list) => list.iter().map(without_nulls).collect(),
            Value::Object(object) => {
                let mut kept: Vec<_> = object.iter().filter(|(_, value)| !value.is_null()).collect();
                kept.sort_by_key(|(key, _)| *key);
                kept.into_iter().map(|(key, value)| (key.clone(), without_nulls(value))).collect()
            }
            other => other.clone(),
        }
    }
    match value.as_array() {
        Some(list) if !list.is_empty() => lines(list.iter().map(|one| match one {
            Value::String(text) => text.clone(),
            other => format!("{:#}", without_nulls(other)),
        })),
        _ => Value::Null,
    }
}

/// The fields of a dialog or of a function's inputs, by name.
fn view(object: &Value, fields: &FieldNames) -> Value {
    let items = object["view_items"].as_array().into_iter().flatten();
    lines(items.map(|item| {
        let content = of_str(&item["content"]);
        fields.get(content).map_or(content, String::as_str).to_owned()
    }))
}

/// A workflow's diagram, one element per line.
fn bpmn(xml: &Value) -> Value {
    xml.as_str().map_or(Value::Null, |xml| Value::from(xml.replace("><", ">\n<")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(kind: &str, wanted: Value, existing: Value) -> Vec<String> {
        let fields = FieldNames::from([("u-1".to_owned(), "word".to_owned())]);
        differences(&of(kind, &wanted, &fields), &of(kind, &existing, &fields))
    }

    #[test]
    fn texts_are_compared_line_by_line() {
        let script = |text: &str| json!({"language": "python3", "object_type": "incident", "script_text": text, "id": text.len()});
        assert_eq!(told("script", script("a\nb\nc\n"), script("a\r\nb\r\nc")), [""; 0]);
        let told = told("script", script("a\nb\nc"), script("a\nx\nc"));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("has other text") && told[0].contains("\n-x\n+b"), "{told:?}");
    }

    #[test]
    fn what_each_platform_makes_for_itself_does_not_count() {
        let one = json!({"name": "R", "type": 1, "object_type": "incident", "enabled": true, "conditions": [], "workflows": ["w"],
            "message_destinations": ["q"], "view_items": [{"content": "u-1"}], "logic_type": "all", "id": 7, "tags": []});
        let mut other = one.clone();
        (other["id"], other["uuid"], other["timeout_seconds"]) = (json!(9), json!("x"), json!(1));
        other["view_items"][0]["content"] = json!("word");
        assert_eq!(told("rule", one.clone(), other.clone()), [""; 0]);
        (other["enabled"], other["message_destinations"]) = (json!(false), json!([]));
        assert_eq!(
            told("rule", one, other),
            ["has the state disabled, not enabled", "has no message destinations, which should be q"]
        );
    }
}
