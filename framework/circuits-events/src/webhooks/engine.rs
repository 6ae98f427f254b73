//! The template engine, set up once: what values look like in text, what is escaped, and how much work a
//! template may do.

use std::io;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

/// The largest body that is sent.
pub(crate) const LARGEST: usize = 8 << 20;

/// Steps for one text of a payload; with them it can write a few dozen MiB or run for some tenths of a
/// second.
const WORK: u64 = 1_000_000;

/// Names of templates tell the engine whether to escape.
pub(crate) const MARKUP: &str = "markup";
/// The name of a template whose values are written as they are.
pub(crate) const TEXT: &str = "text";

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    // A body ends as its definition says, with the last line break.
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    engine.set_syntax(syntax.unwrap_or_default());
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    engine.set_fuel(Some(WORK));
    engine.set_auto_escape_callback(|name| if name == MARKUP { AutoEscape::Html } else { AutoEscape::None });
    engine.set_formatter(write);
    // `values` makes null undefined.
    engine.add_test("none", |value: &Value| value.is_none() || value.is_undefined());
    engine
});

/// The engine, for templates that live as long as `'a`.
pub(crate) fn engine<'a>() -> &'a Environment<'a> {
    &ENGINE
}

/// A value from JSON as templates see it. null becomes undefined: it is nothing in text, takes its `default`,
/// and filters for text do not see the word None.
pub(crate) fn values(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::UNDEFINED,
        Json::Array(list) => Value::from(list.iter().map(values).collect::<Vec<_>>()),
        Json::Object(map) => Value::from_pairs(map.iter().map(|(key, value)| (key.as_str(), values(value)))),
        Json::String(text) => Value::from(text.as_str()),
        scalar => Value::from(minijinja::value::Serde(scalar)),
    }
}

/// A value in text: nothing for null, lists and mappings as JSON.
pub(crate) fn text(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(String::new()),
        ValueKind::Bool | ValueKind::Number | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            json(value)
        }
        ValueKind::Invalid => Err(Error::new(ErrorKind::InvalidOperation, value.to_string())),
        _ => Ok(value.to_string()),
    }
}

/// A value as the text of a JSON value.
pub(crate) fn json(value: &Value) -> Result<String, Error> {
    let mut text = Limited(Vec::new());
    serde_json::to_writer(&mut text, value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    String::from_utf8(text.0).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// Text in which nothing passes for HTML or XML. Characters that XML does not know are replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = text(value)?;
    let is_markup = matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe();
    let written = if is_markup { out.write_str(&escape(&text)) } else { out.write_str(&text) };
    written.map_err(Error::from)
}

/// Takes no more than the largest body: the engine's own limit does not see what a list is written as.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(io::Error::other("the value is larger than the largest body"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
