//! Renders a payload: the values of one event in the places that its templates name.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::compile::{Form, Node, Text};
use super::engine::{self, LARGEST, MARKUP, TEXT, engine};
use super::error::Error;
use super::format::Format;

/// The body that a payload gives.
///
/// # Errors
/// A template that fails on these values, or a body that is too large; the text names the place.
pub(crate) fn render(node: &Node, format: Format, variables: &Value) -> Result<Bytes, Error> {
    let mut renderer = Renderer { format, variables: engine::values(variables), left: LARGEST };
    let body = match (renderer.node(node)?, format) {
        (Value::String(text), Format::Html | Format::Plain | Format::Xml | Format::TextXml) => {
            text.into_bytes()
        }
        (value, _) => serde_json::to_vec(&value)
            .map_err(|error| Error::new(format!("payload: it cannot be written as JSON: {error}")))?,
    };
    if body.len() > LARGEST {
        return Err(too_large("payload"));
    }
    Ok(Bytes::from(body))
}

struct Renderer {
    format: Format,
    variables: minijinja::Value,
    /// How much may still be rendered: many small texts may not become a huge body either.
    left: usize,
}

impl Renderer {
    fn node(&mut self, node: &Node) -> Result<Value, Error> {
        Ok(match node {
            Node::Literal(value) => value.clone(),
            Node::Text(text) => self.value(text)?,
            Node::List(list) => {
                Value::Array(list.iter().map(|node| self.node(node)).collect::<Result<_, _>>()?)
            }
            Node::Map(map) => {
                let mut object = Map::new();
                for (key, node) in map {
                    let key = match self.value(key)? {
                        Value::String(key) => key,
                        Value::Null => String::new(),
                        other => other.to_string(),
                    };
                    object.insert(key, self.node(node)?);
                }
                Value::Object(object)
            }
        })
    }

    fn value(&mut self, text: &Text) -> Result<Value, Error> {
        let failed = |error| Error::template(&text.place, error);
        match &text.form {
            Form::Literal(literal) => Ok(Value::from(literal.as_str())),
            // Compiled again each time, which takes microseconds: what is compiled borrows its source.
            Form::Template(source) => {
                let name = if self.format.is_markup() { MARKUP } else { TEXT };
                let template = engine().template_from_named_str(name, source).map_err(failed)?;
                let rendered = template.render(self.variables.clone()).map_err(failed)?;
                self.charge(rendered.len(), &text.place)?;
                Ok(Value::from(rendered))
            }
            Form::Expression { source, quotes } => {
                let expression = engine().compile_expression(source).map_err(failed)?;
                let value = expression.eval(self.variables.clone()).map_err(failed)?;
                let written = engine::json(&value).map_err(failed)?;
                self.charge(written.len(), &text.place)?;
                let json = serde_json::from_str(&written)
                    .map_err(|error| Error::new(format!("{}: {error}", text.place)))?;
                Ok(match (json, quotes) {
                    (Value::String(value), Some(quote)) => {
                        Value::from(format!("{quote}{}{quote}", self.escaped(value)))
                    }
                    (_, Some(_)) => Value::from(self.escaped(engine::text(&value).map_err(failed)?)),
                    (json, None) => self.all_escaped(json),
                })
            }
        }
    }

    fn escaped(&self, text: String) -> String {
        if self.format.is_markup() { engine::escape(&text) } else { text }
    }

    /// Escapes the texts in a value that becomes part of mark-up.
    fn all_escaped(&self, value: Value) -> Value {
        match value {
            _ if !self.format.is_markup() => value,
            Value::String(text) => Value::from(engine::escape(&text)),
            Value::Array(list) => list.into_iter().map(|value| self.all_escaped(value)).collect(),
            Value::Object(map) => {
                let map = map.into_iter();
                map.map(|(key, value)| (engine::escape(&key), self.all_escaped(value))).collect()
            }
            scalar => scalar,
        }
    }

    fn charge(&mut self, bytes: usize, place: &str) -> Result<(), Error> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| too_large(place))?;
        Ok(())
    }
}

fn too_large(place: &str) -> Error {
    Error::new(format!(
        "{place}: the body would be larger than {} MiB; send less of the event",
        LARGEST >> 20
    ))
}
