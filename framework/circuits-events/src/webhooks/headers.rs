//! The headers that a definition adds to its requests.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::references::fill;
use crate::environment::Environment;

/// Headers that a definition cannot set, and who sets them.
const OURS: [(&str, &str); 10] = [
    ("content-type", "the format decides it"),
    ("content-length", "the body decides it"),
    ("host", "the url decides it"),
    ("connection", "it belongs to the connection"),
    ("keep-alive", "it belongs to the connection"),
    ("proxy-connection", "it belongs to the connection"),
    ("te", "it belongs to the connection"),
    ("trailer", "it belongs to the connection"),
    ("transfer-encoding", "it belongs to the connection"),
    ("upgrade", "it belongs to the connection"),
];

/// The headers, with the values of their `${NAME}`.
///
/// # Errors
/// Every fault, in texts that show no value.
pub(crate) fn read(headers: &Value, environment: Environment<'_>) -> Result<HeaderMap, Vec<String>> {
    let Value::Object(headers) = headers else {
        return Err(vec!["they must be a mapping of names to texts".to_owned()]);
    };
    let (mut map, mut faults) = (HeaderMap::new(), Vec::new());
    for (written, value) in headers {
        let read = name(written).map_err(|fault| vec![fault]).and_then(|name| {
            if map.contains_key(&name) {
                return Err(vec!["it is there twice; the case of letters makes no difference".to_owned()]);
            }
            map.insert(name, self::value(value, environment)?);
            Ok(())
        });
        if let Err(found) = read {
            faults.extend(found.into_iter().map(|fault| format!("{written:?}: {fault}")));
        }
    }
    if faults.is_empty() { Ok(map) } else { Err(faults) }
}

fn name(written: &str) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(written.as_bytes())
        .map_err(|_| "HTTP does not allow this name; use letters, digits and -".to_owned())?;
    if name.as_str().starts_with("webhook-") {
        return Err("the signature uses the names that begin with webhook-; choose another".to_owned());
    }
    match OURS.iter().find(|(ours, _)| name == *ours) {
        Some((_, why)) => Err(format!("{why}; leave it out")),
        None => Ok(name),
    }
}

fn value(value: &Value, environment: Environment<'_>) -> Result<HeaderValue, Vec<String>> {
    let Value::String(written) = value else {
        return Err(vec!["its value must be text; put it in quotation marks".to_owned()]);
    };
    let text = fill(written, environment)?;
    if text.contains("{{") || text.contains("{%") {
        return Err(vec!["its value is not a template; {{ }} works in the payload only".to_owned()]);
    }
    if text.chars().any(char::is_control) {
        let fault =
            "its value holds a control character, perhaps a line break at the end of a variable's value";
        return Err(vec![fault.to_owned()]);
    }
    // Bytes beyond ASCII would be sent, but receivers do not agree on what they mean.
    let value = Some(text.as_str()).filter(|text| text.is_ascii()).map(HeaderValue::from_str);
    let Some(Ok(mut value)) = value else {
        return Err(vec!["its value holds characters beyond ASCII; encode them".to_owned()]);
    };
    // Most headers of webhooks are credentials, and a log cannot tell which.
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_values_that_http_or_the_runner_does_not_allow_are_all_told() {
        let headers = json!({
            "Content-Type": "text/csv", "HOST": "h", "webhook-id": "1", "Transfer-Encoding": "chunked",
            "a b": "x", "X-Line": "a\r\nb", "X-Word": "ü", "X-Number": 1, "X-None": "${NONE}",
            "X-Twice": "a", "x-twice": "b", "X-Template": "{{ queue }}",
        });
        let faults = read(&headers, &|_| None).unwrap_err();
        assert_eq!(faults.len(), 11, "{faults:#?}");
        assert_eq!(faults[0], "\"Content-Type\": the format decides it; leave it out");
    }

    #[test]
    fn values_come_from_the_environment_and_are_not_shown() {
        let environment = |name: &str| (name == "KEY").then(|| "s3cret".to_owned());
        let headers = read(&json!({"Authorization": "Bearer ${KEY}"}), &environment).unwrap();
        assert_eq!(headers["authorization"], "Bearer s3cret");
        assert!(!format!("{headers:?}").contains("s3cret"));
    }
}
