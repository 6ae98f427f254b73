//! What administrators configure: destinations, rules, functions, types with their fields, and the parts that only imports bring.
mod destinations;
mod export;
mod fields;
mod functions;
mod import;
mod kept;
mod rules;
mod types;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(crate) use types::{Format, TypeDef};
pub(super) use types::{Types, empty, field, path};

use self::kept::Kept;
use super::ids::{Ids, new_uuid};

/// The definitions, each list by number.
pub(crate) struct Definitions {
    types: Types,
    destinations: BTreeMap<i64, Value>,
    rules: BTreeMap<i64, Value>,
    functions: BTreeMap<i64, Value>,
    scripts: Vec<Value>,
    workflows: Vec<Value>,
    playbooks: Vec<Value>,
    kept: Kept,
    ids: Ids,
}

impl Definitions {
    /// Those of a new organisation.
    pub(super) fn new(types: Types, org: &Value, ids: Ids) -> Self {
        Self {
            types,
            destinations: BTreeMap::new(),
            rules: BTreeMap::new(),
            functions: BTreeMap::new(),
            scripts: Vec::new(),
            workflows: Vec::new(),
            playbooks: Vec::new(),
            kept: Kept::of(org),
            ids,
        }
    }

    pub(crate) fn types(&self) -> &Types {
        &self.types
    }

    pub(crate) fn scripts(&self) -> &[Value] {
        &self.scripts
    }

    pub(crate) fn workflows(&self) -> &[Value] {
        &self.workflows
    }
}

/// A text exactly as it is given, including leading and trailing blanks: the platform keeps them. A text of only blanks counts
/// as missing.
fn text(body: &Value, key: &str) -> Option<String> {
    body[key].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The object's uuid from the export, or a new one.
fn own_uuid(body: &Value) -> Value {
    if body["uuid"].is_string() { body["uuid"].clone() } else { json!(new_uuid()) }
}

fn list(value: &Value) -> Value {
    if value.is_array() { value.clone() } else { json!([]) }
}

/// Updates the platform's object with the one of an export; it keeps its id.
fn overlay(known: &mut Value, new: &Value) {
    if let (Value::Object(known), Value::Object(new)) = (known, new) {
        let kept = new.iter().filter(|(key, _)| !matches!(key.as_str(), "id" | "uuid"));
        known.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
    }
}
