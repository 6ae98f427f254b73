//! A subscription's path, compiled: decides which events it selects, in a time that is known beforehand.

use std::fmt;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::{
    Invalid, dialect,
    shape::{self, Shape},
};

/// A path may be this long.
const MAX_PATH: usize = 4 * 1024;
/// A path may take about this many steps on one event: a quarter of a second at worst.
const MAX_STEPS: u64 = 50_000_000;

/// A path (RFC 9535) in the form that is asked about events.
#[derive(Debug)]
pub struct Matcher {
    /// The names and indexes that the path begins with. Most events hold nothing there and cost nothing more.
    start: JsonPath,
    /// The whole path, unless it is no more than `start`.
    path: Option<JsonPath>,
    shape: Shape,
}

/// The path would take too long on this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooCostly(());

impl Matcher {
    /// Compiles a path.
    ///
    /// # Errors
    /// When the text is too long, is not a path of RFC 9535 (the message names the position in characters from 1), or
    /// asks for more than can be bounded.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_PATH {
            return Err(Invalid::at("jsonpath", format!("has {} bytes; {MAX_PATH} are allowed", text.len())));
        }
        // The parser recurses: what is nested too deeply must not reach it.
        shape::check_nesting(text).map_err(|fault| fault.invalid(text))?;
        let path = JsonPath::parse(text)
            .map_err(|error| dialect::explain(text, error.position(), error.message()).invalid(text))?;
        let shape = Shape::of(text).map_err(|fault| fault.invalid(text))?;
        let start = &text[..shape.start];
        let whole = start.len() == text.len();
        let start = JsonPath::parse(start)
            .map_err(|error| dialect::explain(text, error.position(), error.message()).invalid(text))?;
        Ok(Self { start, path: (!whole).then_some(path), shape })
    }

    /// Whether the path selects anything in the event.
    ///
    /// # Errors
    /// When it might take too long on an event of this size.
    pub fn selects(&self, event: &Value) -> Result<bool, TooCostly> {
        Ok(!self.selected(event)?.is_empty())
    }

    /// What the path selects in the event.
    ///
    /// # Errors
    /// As for [`selects`](Self::selects).
    pub fn selected<'a>(&self, event: &'a Value) -> Result<Vec<&'a Value>, TooCostly> {
        let Some(start) = self.start.query(event).first() else { return Ok(Vec::new()) };
        let Some(path) = &self.path else { return Ok(vec![start]) };
        let mut left = MAX_STEPS / self.shape.each_visit();
        if !affordable(start, 0, self.shape.descents, &mut left) {
            return Err(TooCostly(()));
        }
        Ok(path.query(event).all())
    }
}

/// Counts down how often a node can be visited: once, and with `..` once more for each way down to it.
fn affordable(node: &Value, depth: u64, descents: u32, left: &mut u64) -> bool {
    let ways = match descents {
        0 => 1,
        1 => depth + 1,
        // `Shape` allows no more than two.
        _ => (depth + 1) * (depth + 2) / 2,
    };
    let Some(rest) = left.checked_sub(ways) else { return false };
    *left = rest;
    match node {
        Value::Array(items) => items.iter().all(|item| affordable(item, depth + 1, descents, left)),
        Value::Object(members) => members.values().all(|item| affordable(item, depth + 1, descents, left)),
        _ => true,
    }
}

impl fmt::Display for TooCostly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "jsonpath: would take too long on an event of this size; let the path begin with the names of the object \
             that it is about, such as $.data.incident, and use fewer of .. and search()",
        )
    }
}

impl std::error::Error for TooCostly {}
