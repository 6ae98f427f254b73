//! The kinds of objects in an export: which of its lists contain objects, what people call them, and how platforms recognise the
//! same object.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::packages::PACKAGES;

/// Kinds whose contents are compared: the list in the export, the name of the kind, the key of the name that components use.
pub(crate) const COMPARED: [(&str, &str, &str); 7] = [
    ("message_destinations", "message destination", "programmatic_name"),
    ("types", "data table", "type_name"),
    ("functions", "function", "name"),
    ("scripts", "script", "name"),
    ("workflows", "workflow", "programmatic_name"),
    ("playbooks", "playbook", "name"),
    ("actions", "rule", "name"),
];

/// Kinds that people do not call by the name of their list. Any other kind has the name of its list.
const CALLED: [(&str, &str); 2] =
    [("incident_artifact_types", "artifact type"), ("automatic_tasks", "task template")];

/// Parts of an export that are not about an organisation's objects, and tags, which belong to the organisation that exported.
const ABOUT_THE_EXPORT: [&str; 7] =
    ["export_date", "export_format_version", "export_type", "id", "locale", "server_version", "tags"];

/// Fields by the number of the type that they belong to.
const FIELDS: [(i64, &str); 8] = [
    (0, "incident field"),
    (1, "task field"),
    (2, "note field"),
    (3, "milestone field"),
    (4, "artifact field"),
    (5, "attachment field"),
    (6, "activity field"),
    (11, "function input"),
];

/// Where objects contain fields themselves: data tables, and playbooks for their inputs.
pub(crate) const FIELDS_WITHIN: [&str; 2] = ["/fields", "/fields_type/fields"];

/// The value under one key of an export, apart from fields and the kinds that are compared.
pub(crate) enum Part<'a> {
    /// Objects; an import adds the missing ones.
    Objects(&'a str, Vec<&'a Value>),
    /// Anything else.
    Other(&'a str),
}

/// Everything in an export that is neither of a kind in [`COMPARED`] nor a field.
pub(crate) fn others(document: &Value) -> impl Iterator<Item = Part<'_>> {
    let all = document.as_object().into_iter().flatten();
    let rest = all.filter(|(key, _)| {
        !ABOUT_THE_EXPORT.contains(&key.as_str())
            && *key != "fields"
            && COMPARED.iter().all(|(list, ..)| list != key)
    });
    rest.filter_map(|(key, value)| {
        let list = match value {
            Value::Null => return None,
            Value::Array(list) => list,
            _ => return Some(Part::Other(key)),
        };
        let all_known = list.iter().all(|one| identity(one).is_some());
        // This one is in every export, but on no platform.
        let objects: Vec<_> = list.iter().filter(|one| one["export_key"] != PACKAGES).collect();
        match (objects.is_empty(), all_known) {
            (true, _) => None,
            (false, true) => Some(Part::Objects(key, objects)),
            (false, false) => Some(Part::Other(key)),
        }
    })
}

/// The name that people have for an object of this list.
pub(crate) fn kind_of(list: &str) -> Cow<'static, str> {
    if let Some((_, kind)) = CALLED.into_iter().find(|(other, _)| *other == list) {
        return kind.into();
    }
    let words = list.replace('_', " ");
    let one = match words.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => {
            let plural = ["xes", "sses", "shes", "ches"].iter().any(|end| words.ends_with(end));
            let stem = words.strip_suffix(if plural { "es" } else { "s" });
            stem.map_or(words.clone(), str::to_owned)
        }
    };
    one.into()
}

/// The name that people have for this field; `None` if every platform has it.
pub(crate) fn kind_of_field(field: &Value) -> Option<Cow<'static, str>> {
    let id = field["type_id"].as_i64();
    let custom = match id {
        Some(0) => field["prefix"] == "properties",
        Some(6 | 11) => true,
        // The platform's own fields have a prefix that is null.
        _ => field.get("prefix").is_none_or(|prefix| prefix == "properties"),
    };
    if !custom {
        return None;
    }
    if let Some((_, kind)) = FIELDS.into_iter().find(|(other, _)| Some(*other) == id) {
        return Some(kind.into());
    }
    let of = field["export_key"].as_str().and_then(|key| Some(key.split_once('/')?.0.to_owned()));
    let of = of.unwrap_or_else(|| format!("type {}", field["type_id"]));
    Some(format!("{of} field").into())
}

/// Named parts of an object, which an import adds if they are missing: the kind, the name and the part itself.
pub(crate) fn parts<'a>(kind: &str, object: &'a Value) -> Vec<(&'static str, &'a str, &'a Value)> {
    let fields = |kind: &'static str, fields: &'a Value| {
        let all = fields.as_object().into_iter().flatten();
        all.map(move |(key, field)| (kind, field["name"].as_str().unwrap_or(key), field))
    };
    let list = |kind: &'static str, list: &'a Value| {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(move |one| Some((kind, one["name"].as_str()?, one)))
    };
    match kind {
        "data table" => fields("column", &object["fields"]).collect(),
        "playbook" => fields("input", &object["fields_type"]["fields"])
            .chain(list("local script", &object["local_scripts"]))
            .collect(),
        _ => list("template", &object["templates"]).collect(),
    }
}

/// The key by which platforms recognise an object, if it has one.
pub(crate) fn identity(object: &Value) -> Option<&str> {
    ["export_key", "programmatic_name", "type_name", "name", "uuid"]
        .iter()
        .find_map(|key| object[key].as_str().filter(|text| !text.is_empty()))
}

/// The key that the exporting platform gave the object.
pub(crate) fn export_key(object: &Value) -> Option<&str> {
    object["export_key"].as_str().filter(|text| !text.is_empty())
}

/// The names of an object other than its `export_key`.
fn names(object: &Value) -> impl Iterator<Item = &str> {
    ["programmatic_name", "type_name", "name"].into_iter().filter_map(|key| object[key].as_str())
}

/// The objects of one of the platform's lists.
pub(crate) struct Known<'a> {
    identities: HashSet<&'a str>,
    /// The names of all objects, and those of objects without an `export_key`.
    names: [HashSet<&'a str>; 2],
    uuids: HashMap<&'a str, &'a Value>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(list: &'a [Value]) -> Self {
        let bare = list.iter().filter(|one| one["export_key"].is_null());
        Self {
            identities: list.iter().filter_map(identity).collect(),
            names: [list.iter().flat_map(names).collect(), bare.flat_map(names).collect()],
            uuids: list.iter().filter_map(|one| Some((one["uuid"].as_str()?, one))).collect(),
        }
    }

    /// Whether this object is among them.
    pub(crate) fn has(&self, object: &Value) -> bool {
        let [all, bare] = &self.names;
        let among = if object["export_key"].is_null() { all } else { bare };
        identity(object).is_some_and(|identity| self.identities.contains(identity))
            || names(object).any(|name| among.contains(name))
    }

    /// The same object, if somebody renamed it.
    pub(crate) fn renamed(&self, object: &Value) -> Option<&'a Value> {
        self.uuids.get(object["uuid"].as_str()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_fields_are_called_as_people_call_them() {
        for (list, kind) in [
            ("incident_artifact_types", "artifact type"),
            ("incident_types", "incident type"),
            ("automatic_tasks", "task template"),
            ("phases", "phase"),
            ("industries", "industry"),
            ("inbound_mailboxes", "inbound mailbox"),
            ("geos", "geo"),
        ] {
            assert_eq!(kind_of(list), kind);
        }
        let field =
            |field: Value| kind_of_field(&field).map_or_else(|| "none".to_owned(), |kind| kind.into_owned());
        assert_eq!(field(json!({"type_id": 0, "prefix": "pii"})), "none");
        assert_eq!(field(json!({"type_id": 11, "prefix": null})), "function input");
        assert_eq!(field(json!({"type_id": 1, "prefix": null})), "none");
        assert_eq!(field(json!({"type_id": 1, "prefix": "properties"})), "task field");
        assert_eq!(field(json!({"type_id": 40, "export_key": "task_note/x"})), "task_note field");
        assert_eq!(field(json!({"type_id": 1000})), "type 1000 field");
    }

    #[test]
    fn platforms_know_an_object_by_its_key_and_one_that_was_renamed_by_its_uuid() {
        let theirs = [
            json!({"export_key": "a", "name": "A", "uuid": "1"}),
            json!({"programmatic_name": "b", "name": "B"}),
        ];
        let known = Known::new(&theirs);
        for (object, there) in [
            (json!({"export_key": "a"}), true),
            (json!({"name": "A"}), true),
            (json!({"export_key": "b", "name": "other"}), true),
            (json!({"export_key": "x", "name": "B"}), true),
            // Names alone are not unique: two layouts may share one.
            (json!({"export_key": "x", "name": "A"}), false),
            (json!({"name": "a "}), false),
        ] {
            assert_eq!(known.has(&object), there, "{object}");
        }
        assert_eq!(known.renamed(&json!({"export_key": "new", "uuid": "1"})), Some(&theirs[0]));
    }
}
