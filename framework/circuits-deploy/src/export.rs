//! A configuration exported from a platform: `.res` (JSON), `.resz` (a zip archive with one `.res`), or either in base64, as
//! packages for the Python runner ship it; or fetched from the platform itself.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use circuits::rest::Rest;
use serde_json::{Value, json};

use crate::contents::FieldNames;
use crate::kinds::{self, COMPARED, Part};
use crate::platform::PATIENCE;
use circuits::{Error, Result};

/// The most bytes that an archive may expand to.
const LARGEST: u64 = 256 << 20;
/// The only version of the format that platforms have written so far (v31 to v51).
const VERSION: i64 = 2;

/// An export, read and checked in one place, so that all its users agree on which exports are valid.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Export {
    document: Value,
}

/// An object of an export whose contents are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exported<'a> {
    /// The name of its kind for people.
    pub(crate) kind: Cow<'static, str>,
    pub(crate) name: &'a str,
    pub(crate) value: &'a Value,
}

impl Exported<'_> {
    /// The name with the kind before it.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

impl Export {
    /// Reads an export in any of its forms.
    ///
    /// # Errors
    /// The error says which form the export seems to have, and what is wrong with it.
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

    /// The platform's whole configuration.
    ///
    /// # Errors
    /// When the platform refuses the export, for instance to this account.
    pub(crate) async fn of(rest: &Rest) -> Result<Self> {
        let wanted = json!({"layouts": true, "actions": true, "phases_and_tasks": true, "playbooks": true});
        let exported = rest.with_timeout(PATIENCE).post("/configurations/exports/", &wanted).await;
        let document: Value = exported.map_err(|error| {
            let what = "could not export the platform's configuration to compare it, which takes the permission to export settings";
            Error::from(error).context(what)
        })?;
        Self::checked(document).map_err(|error| error.context("the platform's export cannot be used"))
    }

    fn from_json(bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let document = serde_json::from_slice(bytes)
            .map_err(|error| Error::new(format_args!("it is not JSON: {error}")))?;
        Self::checked(document)
    }

    fn checked(mut document: Value) -> Result<Self> {
        let version = &document["export_format_version"];
        if *version != VERSION {
            return Err(Error::new(format_args!(
                "its export_format_version is {version}, and only {VERSION} is known: is it an export of a platform?"
            )));
        }
        for (list, kind, key) in COMPARED.into_iter().chain([("fields", "field", "name")]) {
            let Some(objects) = document.get(list).filter(|objects| !objects.is_null()) else { continue };
            let Some(objects) = objects.as_array() else {
                return Err(Error::new(format_args!("its {list} are not a list")));
            };
            if let Some(at) = objects.iter().position(|object| object[key].as_str().is_none_or(str::is_empty))
            {
                return Err(Error::new(format_args!("its {kind} number {} in {list} has no {key}", at + 1)));
            }
        }
        let functions = document["functions"].as_array();
        if let Some(bare) = functions.into_iter().flatten().find(|one| kinds::export_key(one).is_none()) {
            return Err(Error::new(format_args!(
                "its function {} has no export_key, by which platforms recognise a function",
                bare["name"].as_str().unwrap_or_default()
            )));
        }
        clear_tags(&mut document);
        Ok(Self { document })
    }

    /// The JSON to post to the platform. Tags are left out: they belong to the organisation that exported.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// The objects whose contents are known.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Exported<'_>> {
        let list = |name: &str| self.document[name].as_array().into_iter().flatten();
        let named = COMPARED.into_iter().flat_map(move |(export, kind, key)| {
            list(export).filter_map(move |value| {
                Some(Exported { kind: kind.into(), name: value[key].as_str()?, value })
            })
        });
        let fields = list("fields").filter_map(|value| {
            Some(Exported { kind: kinds::kind_of_field(value)?, name: value["name"].as_str()?, value })
        });
        named.chain(fields)
    }

    /// All objects by kind and name.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> =
            self.objects().map(|one| (one.kind.into_owned(), one.name.to_owned())).collect();
        for part in kinds::others(&self.document) {
            if let Part::Objects(list, objects) = part {
                let names = objects.into_iter().filter_map(kinds::identity);
                all.extend(names.map(|name| (kinds::kind_of(list).into_owned(), name.to_owned())));
            }
        }
        all
    }

    /// The objects by kind and name.
    pub(crate) fn index(&self) -> HashMap<(Cow<'static, str>, &str), &Value> {
        self.objects().map(|one| ((one.kind, one.name), one.value)).collect()
    }

    /// The object of this kind and name.
    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects().find(|one| one.kind == kind && one.name == name).map(|one| one.value)
    }

    /// The API names of its fields by their uuid.
    pub(crate) fn field_names(&self) -> FieldNames {
        let fields = self.document["fields"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        fields.filter_map(|field| Some((text(&field["uuid"])?, text(&field["name"])?))).collect()
    }

    /// Adds the choices that only the platform's fields have, so that an import removes none.
    pub(crate) fn keep_choices_of(&mut self, platform: &Self) {
        let theirs = platform.index();
        let there = |kind, object: &Value, key| Some(*theirs.get(&(kind, object[key].as_str()?))?);
        let list = |document: &mut Value, list: &str| document[list].take();
        let mut fields = list(&mut self.document, "fields");
        for field in fields.as_array_mut().into_iter().flatten() {
            let existing = kinds::kind_of_field(field).and_then(|kind| there(kind, field, "name"));
            existing.into_iter().for_each(|existing| keep_choices(field, existing));
        }
        self.document["fields"] = fields;
        for (of, kind, key) in COMPARED {
            let mut objects = list(&mut self.document, of);
            for object in objects.as_array_mut().into_iter().flatten() {
                let Some(existing) = there(kind.into(), object, key) else { continue };
                for part in kinds::FIELDS_WITHIN {
                    let Some(Value::Object(fields)) = object.pointer_mut(part) else { continue };
                    for (name, field) in fields {
                        let existing = existing.pointer(part).and_then(|fields| fields.get(name));
                        existing.into_iter().for_each(|existing| keep_choices(field, existing));
                    }
                }
            }
            self.document[of] = objects;
        }
    }

    /// The message destinations in it, by programmatic name.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &str> {
        let all = self.document["message_destinations"].as_array().into_iter().flatten();
        all.filter_map(|destination| destination["programmatic_name"].as_str())
    }
}

/// The platform's whole configuration, as JSON without tags.
///
/// # Errors
/// When the platform refuses the export, for instance to this account.
pub async fn download(rest: &Rest) -> Result<Value> {
    Ok(Export::of(rest).await?.document)
}

/// The content of an export of a platform, in any of its forms
/// ([`Definitions::export`](circuits::definitions::Definitions::export)), as JSON without tags.
///
/// # Errors
/// The error says what is wrong with the export.
pub fn read_export(bytes: &[u8]) -> Result<Value> {
    Ok(Export::read(bytes)?.document)
}

/// Adds the choices that only the platform's field has.
fn keep_choices(field: &mut Value, existing: &Value) {
    let Some(own) = field["values"].as_array_mut() else { return };
    for value in existing["values"].as_array().into_iter().flatten() {
        if !own.iter().any(|known| known["label"] == value["label"]) {
            own.push(value.clone());
        }
    }
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
