//! Parts of a configuration that the sandbox does not simulate (phases, artifact types, roles, layouts, ...): it keeps the parts
//! that imports contain and exports them again.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::overlay;

/// The parts that the sandbox simulates, and those that only describe an export.
const PLAYED: [&str; 13] = [
    "message_destinations",
    "types",
    "functions",
    "scripts",
    "workflows",
    "playbooks",
    "actions",
    "export_date",
    "export_format_version",
    "export_type",
    "id",
    "locale",
    "server_version",
];

/// Lists that every export of the sandbox has.
const LISTS: [&str; 16] = [
    "apps",
    "automatic_tasks",
    "geos",
    "groups",
    "inbound_destinations",
    "inbound_mailboxes",
    "incident_artifact_types",
    "incident_types",
    "industries",
    "layouts",
    "notifications",
    "overrides",
    "phases",
    "regulators",
    "roles",
    "workspaces",
];

/// The kept parts by their key in the export.
pub(crate) struct Kept(BTreeMap<String, Value>);

impl Kept {
    /// The parts that an organisation has from the start.
    pub(crate) fn of(org: &Value) -> Self {
        let mut kept: BTreeMap<_, _> = LISTS.iter().map(|list| ((*list).to_owned(), json!([]))).collect();
        for (list, key) in
            [("phases", "name"), ("incident_types", "name"), ("incident_artifact_types", "type_name")]
        {
            let own = if list == "incident_artifact_types" { "artifact_types" } else { list };
            let objects = org[own].as_object().into_iter().flatten();
            let objects = objects.map(
                |(_, one)| json!({"export_key": one[key], "name": one[key], "enabled": true, "uuid": one["uuid"]}),
            );
            kept.insert(list.to_owned(), objects.collect());
        }
        kept.insert(
            "workspaces".to_owned(),
            json!([{"export_key": "default_workspace", "name": "default_workspace"}]),
        );
        Self(kept)
    }

    /// Takes over the parts of an export that are not simulated.
    pub(super) fn import(&mut self, export: &Value) {
        for (key, value) in export.as_object().into_iter().flatten() {
            if PLAYED.contains(&key.as_str()) || key == "fields" || value.is_null() {
                continue;
            }
            match value.as_array() {
                Some(list) if list.iter().all(Value::is_object) => {
                    list.iter().for_each(|object| self.put(key, object, |one| same(one, object)));
                }
                _ => drop(self.0.insert(key.clone(), value.clone())),
            }
        }
    }

    /// Takes over a field of a type whose fields are not simulated.
    pub(super) fn put_field(&mut self, field: &Value) {
        self.put("fields", field, |one| one["type_id"] == field["type_id"] && one["name"] == field["name"]);
    }

    fn put(&mut self, list: &str, object: &Value, same: impl Fn(&Value) -> bool) {
        let all = self.0.entry(list.to_owned()).or_insert_with(|| json!([]));
        let Some(all) = all.as_array_mut() else { return };
        match all.iter_mut().find(|one| same(one)) {
            Some(known) => overlay(known, object),
            None => all.push(object.clone()),
        }
    }

    /// Adds the kept parts to an export.
    pub(super) fn export(&self, export: &mut Value) {
        for (key, value) in &self.0 {
            match (export[key].as_array_mut(), value.as_array()) {
                (Some(all), Some(more)) => all.extend(more.iter().cloned()),
                _ => export[key] = value.clone(),
            }
        }
    }
}

/// Platforms recognise an object by its key, or by its name if it has no key.
fn same(one: &Value, other: &Value) -> bool {
    let key = |object: &Value| {
        let keys = ["export_key", "programmatic_name", "name", "uuid"];
        keys.iter().find_map(|key| object[*key].as_str().map(str::to_owned))
    };
    key(one) == key(other)
}
