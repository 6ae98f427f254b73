//! A configuration exported from a platform: `.res` (JSON), `.resz` (a zip archive with one `.res`), or either in base64 as
//! packages for the Python runner ship it.

use std::io::{Cursor, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Error, Result};

/// An archive may unfold to so many bytes.
const LARGEST: u64 = 256 << 20;
/// The only version of the format that platforms have written so far (v31 to v51).
const VERSION: i64 = 2;

/// An export, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Export {
    document: Value,
}

/// An object of an export: what a list of the platform calls it, and where that list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Its kind, for people.
    pub(crate) kind: &'static str,
    /// The path of the platform's list of such objects.
    pub(crate) list: &'static str,
    /// The key of the objects that holds the name.
    pub(crate) key: &'static str,
    pub(crate) name: String,
}

/// Kinds of objects that can be looked for on a platform: the export's list, kind, path, key.
const KINDS: [(&str, &str, &str, &str); 6] = [
    ("message_destinations", "message destination", "/message_destinations", "programmatic_name"),
    ("types", "data table", "/types", "type_name"),
    ("functions", "function", "/functions", "name"),
    ("actions", "rule", "/actions", "name"),
    ("scripts", "script", "/scripts", "name"),
    ("workflows", "workflow", "/workflows", "programmatic_name"),
];

/// Fields by the number of the type that they belong to.
const FIELDS: [(i64, &str, &str); 3] = [
    (0, "incident field", "/types/incident/fields"),
    (6, "activity field", "/types/actioninvocation/fields"),
    (11, "function input", "/types/__function/fields"),
];

impl Export {
    /// Reads an export in any of its forms.
    ///
    /// # Errors
    /// Says which of the forms it seems to be, and what is wrong with it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.trim_ascii();
        if bytes.starts_with(b"PK") {
            return Self::from_json(&unzip(bytes)?);
        }
        if bytes.starts_with(b"{") || bytes.starts_with(b"\xef\xbb\xbf{") {
            return Self::from_json(bytes);
        }
        let compact: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        match STANDARD.decode(&compact) {
            Ok(inner) if inner.starts_with(b"PK") => Self::from_json(&unzip(&inner)?),
            Ok(inner) => Self::from_json(&inner),
            Err(_) => Err(Error::new(
                "it is neither JSON (.res) nor a zip archive (.resz) nor base64 of one of them",
            )),
        }
    }

    fn from_json(bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut document: Value = serde_json::from_slice(bytes)
            .map_err(|error| Error::new(format_args!("it is no JSON: {error}")))?;
        let version = &document["export_format_version"];
        if *version != VERSION {
            return Err(Error::new(format_args!(
                "its export_format_version is {version}, and only {VERSION} is known: is it an export of a platform?"
            )));
        }
        for (list, kind, _, key) in KINDS.into_iter().chain([("fields", "field", "", "name")]) {
            let Some(objects) = document.get(list).filter(|objects| !objects.is_null()) else { continue };
            let Some(objects) = objects.as_array() else {
                return Err(Error::new(format_args!("its {list} are no list")));
            };
            if let Some(at) = objects.iter().position(|object| object[key].as_str().is_none_or(str::is_empty))
            {
                return Err(Error::new(format_args!("its {kind} number {} in {list} has no {key}", at + 1)));
            }
        }
        clear_tags(&mut document);
        Ok(Self { document })
    }

    /// What is posted to the platform. Tags are left out: they belong to the organisation that exported.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// The objects that can be looked for on a platform; the others come along with them.
    pub(crate) fn objects(&self) -> Vec<Object> {
        let list = |name: &str| self.document[name].as_array().into_iter().flatten();
        let mut all = Vec::new();
        for (export, kind, path, key) in KINDS {
            let names = list(export).filter_map(|object| object[key].as_str());
            all.extend(names.map(|name| Object { kind, list: path, key, name: name.to_owned() }));
        }
        for field in list("fields") {
            let Some((_, kind, path)) = FIELDS.into_iter().find(|(id, ..)| field["type_id"] == *id) else {
                continue;
            };
            // Fields that every platform has come with the export too.
            if field["type_id"] != 0 || field["prefix"] == "properties" {
                let name = field["name"].as_str().unwrap_or_default().to_owned();
                all.push(Object { kind, list: path, key: "name", name });
            }
        }
        all
    }

    /// The message destinations in it, by programmatic name.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &str> {
        let all = self.document["message_destinations"].as_array().into_iter().flatten();
        all.filter_map(|destination| destination["programmatic_name"].as_str())
    }
}

/// What is in an export of a platform, in any of its forms ([`Definitions::export`](super::Definitions::export)), as JSON
/// without tags.
///
/// # Errors
/// Says what is wrong with it.
pub fn read_export(bytes: &[u8]) -> Result<Value> {
    Ok(Export::read(bytes)?.document)
}

fn unzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let broken =
        |error: &dyn std::fmt::Display| Error::new(format_args!("it is a broken zip archive: {error}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let exports: Vec<_> = names.iter().filter(|name| name.ends_with(".res")).collect();
    let [name] = exports[..] else {
        return Err(Error::new(format_args!("the zip archive holds {} files *.res, not one", exports.len())));
    };
    let file = archive.by_name(name).map_err(|error| broken(&error))?;
    let mut unfolded = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut unfolded).map_err(|error| broken(&error))?;
    if unfolded.len() as u64 > LARGEST {
        return Err(Error::new(format_args!(
            "{name} in the zip archive has more than {} MiB",
            LARGEST >> 20
        )));
    }
    Ok(unfolded)
}

fn clear_tags(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(clear_tags),
        Value::Object(object) => {
            for (key, value) in object {
                if key == "tags" && value.is_array() {
                    *value = json!([]);
                } else {
                    clear_tags(value);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
