//! What the body of a request says about a subscription, field by field, checked.

use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use super::{Auth, Invalid, Matcher, Subscription, attributes};

/// A body is read up to this size.
const MAX_BODY: usize = 64 * 1024;
const MAX_NAME: usize = 200;
const MAX_URL: usize = 2048;
const MAX_ERROR: usize = 4096;
const MAX_EXTENSIONS: usize = 20;
const MAX_EXTENSION_NAME: usize = 20;
const MAX_EXTENSION_TEXT: usize = 1024;

/// What a request may set.
const FIELDS: &str = "name, jsonpath, target_url, auth, extensions, disabled, error";
/// What only the server sets.
const MANAGED: [&str; 6] = ["uuid", "user", "version", "created", "updated", "deleted"];

/// `None` where the body does not name the field.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) name: Option<String>,
    pub(super) jsonpath: Option<String>,
    pub(super) target_url: Option<String>,
    pub(super) auth: Option<Auth>,
    pub(super) extensions: Option<Map<String, Value>>,
    pub(super) disabled: Option<Option<Timestamp>>,
    pub(super) error: Option<Option<String>>,
}

impl Changes {
    pub(super) fn read(body: &[u8], now: Timestamp, stored: Option<&Subscription>) -> Result<Self, Invalid> {
        let shown = stored.map(Subscription::shown);
        let mut changes = Self::default();
        for (key, value) in object(body)? {
            match key.as_str() {
                "name" => changes.name = Some(name(&value)?),
                "jsonpath" => changes.jsonpath = Some(jsonpath(&value)?),
                "target_url" => changes.target_url = Some(target_url(&value)?),
                "auth" => changes.auth = Some(Auth::read(&value, stored.map(|stored| &stored.auth))?),
                "extensions" => changes.extensions = Some(extensions(value)?),
                "disabled" => changes.disabled = Some(disabled(&value, now)?),
                "error" => changes.error = Some(error(&value)?),
                // An object that was read, edited and put back holds them too.
                key if MANAGED.contains(&key) => {
                    if shown.as_ref().and_then(|shown| shown.get(key)) != Some(&value) {
                        return Err(Invalid::at(
                            key,
                            "is set by the server and cannot be changed; leave it out",
                        ));
                    }
                }
                key => {
                    let text = format!("is no field of a subscription; the fields are {FIELDS}");
                    return Err(Invalid::at(attributes::short(key), text));
                }
            }
        }
        Ok(changes)
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Invalid> {
    if body.len() > MAX_BODY {
        return Err(Invalid::new(format!("The body has {} bytes; {MAX_BODY} are allowed", body.len())));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Invalid::new("The body must be a JSON object")),
        Err(error) => Err(Invalid::new(format!("The body is not JSON: {error}"))),
    }
}

/// The text of a field, of 1 to `max` characters without control characters.
fn line<'a>(field: &str, value: &'a Value, max: usize) -> Result<&'a str, Invalid> {
    let text = value.as_str().ok_or_else(|| Invalid::at(field, "must be text"))?;
    check_line(field, text, max)?;
    Ok(text)
}

fn check_line(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    let length = text.chars().count();
    if length > max {
        Err(Invalid::at(field, format!("has {length} characters; {max} are allowed")))
    } else if text.trim().is_empty() {
        Err(Invalid::at(field, "must not be empty"))
    } else if text.chars().any(char::is_control) {
        Err(Invalid::at(field, "must not hold control characters"))
    } else {
        Ok(())
    }
}

pub(super) fn user(user: &str) -> Result<String, Invalid> {
    check_line("user", user, MAX_NAME)?;
    Ok(user.to_owned())
}

fn name(value: &Value) -> Result<String, Invalid> {
    line("name", value, MAX_NAME).map(str::to_owned)
}

fn jsonpath(value: &Value) -> Result<String, Invalid> {
    let path = value.as_str().ok_or_else(|| Invalid::at("jsonpath", "must be text"))?;
    Matcher::new(path)?;
    Ok(path.to_owned())
}

fn target_url(value: &Value) -> Result<String, Invalid> {
    const FIELD: &str = "target_url";
    let text = line(FIELD, value, MAX_URL)?;
    let url = Url::parse(text)
        .map_err(|error| Invalid::at(FIELD, format!("is not a URL such as https://host/path: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Invalid::at(
            FIELD,
            format!("must begin with http:// or https://, not {}:", url.scheme()),
        ));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Invalid::at(FIELD, "names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::at(FIELD, "must not hold a user or a password; give them in auth"));
    }
    Ok(text.to_owned())
}

fn extensions(value: Value) -> Result<Map<String, Value>, Invalid> {
    let Value::Object(extensions) = value else {
        return Err(Invalid::at("extensions", "must be an object; {} stands for none"));
    };
    if extensions.len() > MAX_EXTENSIONS {
        let text = format!("has {} attributes; {MAX_EXTENSIONS} are allowed", extensions.len());
        return Err(Invalid::at("extensions", text));
    }
    for (name, value) in &extensions {
        let field = || format!("extensions.{}", attributes::short(name));
        if attributes::is_reserved(name) {
            return Err(Invalid::at(
                field(),
                "is an attribute that CloudEvents defines; choose another name",
            ));
        }
        if !attributes::is_name(name) || name.len() > MAX_EXTENSION_NAME {
            let text = format!("must be a name of 1 to {MAX_EXTENSION_NAME} lower-case letters and digits");
            return Err(Invalid::at(field(), text));
        }
        if !attributes::is_value(value) {
            return Err(Invalid::at(field(), "must be text, true, false or an integer of 32 bits"));
        }
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            check_line(&field(), text, MAX_EXTENSION_TEXT)?;
        }
    }
    Ok(extensions)
}

fn disabled(value: &Value, now: Timestamp) -> Result<Option<Timestamp>, Invalid> {
    match value {
        Value::Null | Value::Bool(false) => return Ok(None),
        Value::Bool(true) => return Ok(Some(now)),
        Value::String(text) => {
            if let Ok(time) = text.parse() {
                return Ok(Some(time));
            }
        }
        _ => {}
    }
    Err(Invalid::at("disabled", "must be null, true, false or a time such as 2030-01-31T12:00:00Z"))
}

fn error(value: &Value) -> Result<Option<String>, Invalid> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() <= MAX_ERROR => Ok(Some(text.clone())),
        Value::String(_) => Err(Invalid::at("error", format!("may have {MAX_ERROR} characters"))),
        _ => Err(Invalid::at("error", "must be text or null")),
    }
}
