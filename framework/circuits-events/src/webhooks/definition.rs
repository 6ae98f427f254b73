//! Reads one item of a file into a webhook and tells everything that is wrong with it.

use std::ops::RangeInclusive;
use std::time::Duration;

use circuits::EventKind;
use circuits::config::nearest;
use http::{HeaderMap, Method};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::compile::Compiler;
use super::format::Format;
use super::webhook::Webhook;
use super::{headers, secret, url};
use crate::environment::Environment;

const KEYS: [&str; 11] = [
    "name",
    "action",
    "method",
    "url",
    "format",
    "payload",
    "headers",
    "secret",
    "timeout",
    "tries",
    "concurrency",
];
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Seconds for one request.
const TIMEOUT: Number = Number { default: 10, range: 1..=300 };
const TRIES: Number = Number { default: 8, range: 1..=50 };
const CONCURRENCY: Number = Number { default: 4, range: 1..=64 };

struct Number {
    default: u32,
    range: RangeInclusive<u32>,
}

/// The webhook that an item defines.
///
/// # Errors
/// Every fault of the item.
pub(crate) fn read(item: &Value, environment: Environment<'_>) -> Result<Webhook, Vec<String>> {
    let Value::Object(item) = item else {
        return Err(vec!["a webhook must be a mapping with name, action, method and url".to_owned()]);
    };
    let mut fields = Fields { item, faults: Vec::new() };
    fields.refuse_unknown();
    let name = fields.required("name").map(str::to_owned);
    let kind = fields.kind();
    let method = fields.method();
    let written = fields.required("url").unwrap_or_default();
    let address = match written {
        "" => String::new(),
        written => fields.take("url", url::read(written, environment)),
    };
    let added = match fields.optional("headers") {
        Some(added) => fields.take("headers", headers::read(added, environment)),
        None => HeaderMap::new(),
    };
    let signing = fields.optional_text("secret");
    let signing = signing.map(|written| fields.take("secret", secret::read(written, environment)));
    let timeout = fields.number("timeout", &TIMEOUT);
    let tries = fields.number("tries", &TRIES);
    let concurrency = fields.number("concurrency", &CONCURRENCY);
    let format = fields.format();
    let mut compiler = Compiler::new(format, kind);
    let payload = item.get("payload").filter(|payload| !payload.is_null());
    let payload = payload.map(|payload| compiler.payload(payload));
    fields.faults.append(&mut compiler.faults);
    match (name, kind, method) {
        (Some(name), Some(kind), Some(method)) if fields.faults.is_empty() => Ok(Webhook {
            name,
            kind,
            method,
            url: SecretString::from(address),
            shown_url: written.to_owned(),
            headers: added,
            secret: signing.map(SecretString::from),
            timeout: Duration::from_secs(timeout.into()),
            tries,
            concurrency: concurrency as usize,
            format,
            payload,
            uses_callback: compiler.uses_callback,
        }),
        _ => Err(fields.faults),
    }
}

struct Fields<'a> {
    item: &'a Map<String, Value>,
    faults: Vec<String>,
}

impl<'a> Fields<'a> {
    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    fn refuse_unknown(&mut self) {
        for key in self.item.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let cure = match nearest(key, KEYS) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("a webhook has {}", KEYS.join(", ")),
            };
            self.fault(format!("{key:?} is not a key of a webhook; {cure}"));
        }
    }

    /// A value that must not be empty where it is given.
    fn optional(&mut self, key: &str) -> Option<&'a Value> {
        let value = self.item.get(key)?;
        if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            self.fault(format!("{key} is empty; give it a value"));
            return None;
        }
        Some(value)
    }

    fn optional_text(&mut self, key: &str) -> Option<&'a str> {
        match self.optional(key)? {
            Value::String(text) if text.chars().any(char::is_control) => {
                self.fault(format!("{key} holds a control character, such as a line break; take it out"));
                None
            }
            Value::String(text) => Some(text),
            _ => {
                self.fault(format!("{key} must be text; put it in quotation marks"));
                None
            }
        }
    }

    fn required(&mut self, key: &str) -> Option<&'a str> {
        if !self.item.contains_key(key) {
            self.fault(format!("{key} is missing"));
        }
        self.optional_text(key)
    }

    fn kind(&mut self) -> Option<EventKind> {
        let action = self.required("action")?;
        let kind = EventKind::parse(action);
        if kind.is_none() {
            let names = EventKind::ALL.map(EventKind::name);
            let near = nearest(action, names).map(|near| format!("did you mean {near}? "));
            let (near, known) = (near.unwrap_or_default(), names.join(", "));
            self.fault(format!("action {action:?} is not known; {near}The actions are {known}"));
        }
        kind
    }

    fn method(&mut self) -> Option<Method> {
        let method = self.required("method")?;
        let known = METHODS.into_iter().find(|known| known.as_str() == method);
        if known.is_none() {
            let names = METHODS.map(|known| known.to_string()).join(", ");
            self.fault(format!("method {method:?} is not one of {names}, in upper case"));
        }
        known
    }

    fn format(&mut self) -> Format {
        let Some(name) = self.optional_text("format") else { return Format::default() };
        Format::parse(name).unwrap_or_else(|| {
            self.fault(format!("format {name:?} is not one of {}", Format::NAMES.join(", ")));
            Format::default()
        })
    }

    fn number(&mut self, key: &str, number: &Number) -> u32 {
        let Some(value) = self.optional(key) else { return number.default };
        let given = value.as_u64().and_then(|value| u32::try_from(value).ok());
        given.filter(|given| number.range.contains(given)).unwrap_or_else(|| {
            let (least, most) = (number.range.start(), number.range.end());
            self.fault(format!("{key} must be a whole number from {least} to {most}"));
            number.default
        })
    }

    /// What was read, or its faults under the name of the key.
    fn take<T: Default>(&mut self, key: &str, read: Result<T, Vec<String>>) -> T {
        read.unwrap_or_else(|faults| {
            self.faults.extend(faults.into_iter().map(|fault| format!("{key}: {fault}")));
            T::default()
        })
    }
}
