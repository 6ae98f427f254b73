//! Compares an export with what the platform exports: what is missing, what differs, and what cannot be compared.

use std::collections::HashSet;

use serde_json::Value;

use crate::contents;
use crate::difference::missing_choices;
use crate::export::{Export, Exported};
use crate::kinds::{self, Known, Part, identity, kind_of};

/// The result of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// How many objects were compared.
    pub(crate) count: usize,
    /// Objects that the platform lacks.
    pub(crate) new: Vec<String>,
    /// Parts that its objects lack: columns, inputs, scripts of a playbook.
    pub(crate) parts: Vec<String>,
    /// Choices that its fields lack.
    pub(crate) choices: Vec<String>,
    /// The differences by object.
    pub(crate) differences: Vec<(String, Vec<String>)>,
    /// The message destinations of the export that the platform has, with the platform's object.
    pub(crate) destinations: Vec<(String, Value)>,
    /// Whether there are objects that the platform may have or not.
    pub(crate) unknown: bool,
    /// What could not be compared.
    pub(crate) notes: Vec<String>,
}

/// Compares our export with the platform's.
pub(crate) fn compare(ours: &Export, theirs: &Export) -> Comparison {
    let mut found = Comparison::default();
    found.contents(ours, theirs);
    found.presence(ours.document(), theirs.document());
    found
}

impl Comparison {
    /// Compares the objects whose contents are known.
    fn contents(&mut self, ours: &Export, theirs: &Export) {
        let (our_fields, their_fields) = (ours.field_names(), theirs.field_names());
        let known = theirs.index();
        for one in ours.objects() {
            self.count += 1;
            let (label, Exported { kind, name, value }) = (one.label(), one);
            let Some(existing) = known.get(&(kind.clone(), name)) else {
                self.new.push(label);
                continue;
            };
            if kind == "message destination" {
                self.destinations.push((name.to_owned(), (*existing).clone()));
            }
            self.choices_of(&label, value, existing);
            let complete = self.parts_of(&kind, &label, value, existing);
            let mut wanted = contents::of(&kind, value, &our_fields);
            // Missing columns are reported one by one.
            wanted.retain(|(part, _)| complete || *part != "columns");
            let told = contents::differences(&wanted, &contents::of(&kind, existing, &their_fields));
            self.differences.push((label, told));
        }
    }

    /// Whether the platform's object has all parts.
    fn parts_of(&mut self, kind: &str, label: &str, value: &Value, existing: &Value) -> bool {
        let (theirs, before) = (kinds::parts(kind, existing), self.parts.len());
        for (part, name, ours) in kinds::parts(kind, value) {
            let part_label = format!("{part} {name} of {label}");
            match theirs.iter().find(|(other, there, _)| *other == part && *there == name) {
                None => self.parts.push(part_label),
                Some((.., there)) => self.choices_of(&part_label, ours, there),
            }
        }
        self.parts.len() == before
    }

    fn choices_of(&mut self, label: &str, value: &Value, existing: &Value) {
        let missing = missing_choices(value, existing);
        if !missing.is_empty() {
            self.choices.push(format!("{} of {label}", quoted(&missing)));
        }
    }

    /// Compares the other objects, of which only the presence is checked.
    fn presence(&mut self, ours: &Value, theirs: &Value) {
        let mut there = Vec::new();
        for part in kinds::others(ours) {
            let (list, objects) = match part {
                Part::Objects(list, objects) => (list, objects),
                Part::Other(key) => {
                    if ours[key] != theirs[key] {
                        self.notes.push(format!("its {key}: these are not objects with a name or a key"));
                    }
                    continue;
                }
            };
            let kind = kind_of(list);
            let label = |object: &Value| format!("{kind} {}", identity(object).unwrap_or_default());
            let Some(their_list) = theirs[list].as_array() else {
                let labels: Vec<_> = objects.iter().map(|one| label(one)).collect();
                self.unknown = true;
                self.notes.push(format!(
                    "{}: the platform's export has no {list}; `customize --update` imports them",
                    labels.join(", ")
                ));
                continue;
            };
            let known = Known::new(their_list);
            let own: HashSet<_> = objects.iter().filter_map(|one| identity(one)).collect();
            self.count += objects.len();
            for object in objects {
                let renamed = known.renamed(object).and_then(identity).filter(|other| !own.contains(other));
                match (known.has(object), renamed) {
                    (true, _) => there.push(kind.clone()),
                    (false, Some(other)) => {
                        self.differences.push((label(object), vec![format!("is called {other}")]));
                    }
                    (false, None) => self.new.push(label(object)),
                }
            }
        }
        there.dedup();
        if !there.is_empty() {
            self.notes.push(format!("the contents of each {}", there.join(" and ")));
        }
    }
}

pub(crate) fn quoted(labels: &[String]) -> String {
    let quoted: Vec<_> = labels.iter().map(|label| format!("\"{label}\"")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compared(ours: Value, theirs: Value) -> Comparison {
        let read = |mut export: Value| {
            export["export_format_version"] = json!(2);
            Export::read(export.to_string().as_bytes()).unwrap()
        };
        compare(&read(ours), &read(theirs))
    }

    #[test]
    fn what_the_platform_does_not_export_is_told_and_not_taken_as_missing() {
        let ours = json!({
            "notifications": [{"name": "On call"}], "phases": [{"name": "Engage"}, {"name": "Rest"}],
            "geos": null, "overrides": [], "action_order": ["u-1"], "switches": {"on": true},
        });
        let found = compared(
            ours.clone(),
            json!({"notifications": null, "phases": [{"name": "Engage"}], "action_order": []}),
        );
        assert!(found.unknown);
        assert_eq!((found.count, &found.new[..]), (2, &["phase Rest".to_owned()][..]));
        assert_eq!(
            found.notes,
            [
                "notification On call: the platform's export has no notifications; `customize --update` imports them",
                "its action_order: these are not objects with a name or a key",
                "its switches: these are not objects with a name or a key",
                "the contents of each phase",
            ]
        );
        let found = compared(ours.clone(), ours);
        assert!(found.new.is_empty() && found.notes.len() == 1 && !found.unknown, "{found:?}");
    }

    #[test]
    fn parts_of_objects_are_found_missing_one_by_one() {
        let export = |columns: &[&str], scripts: &[&str]| {
            let column = |name: &&str| ((*name).to_owned(), json!({"name": name, "input_type": "text"}));
            let named: Vec<_> = scripts.iter().map(|name| json!({"name": name})).collect();
            json!({
                "types": [{"type_name": "people", "fields": columns.iter().map(column).collect::<serde_json::Map<_, _>>()}],
                "playbooks": [{"name": "p", "local_scripts": named,
                    "fields_type": {"fields": columns.iter().map(column).collect::<serde_json::Map<_, _>>()}}],
                "fields": [{"name": "memo", "type_id": 0, "prefix": "properties", "templates": named}],
            })
        };
        let found = compared(export(&["name", "town"], &["s"]), export(&["name"], &[]));
        assert_eq!(
            found.parts,
            [
                "column town of data table people",
                "input town of playbook p",
                "local script s of playbook p",
                "template s of incident field memo",
            ]
        );
        assert!(found.new.is_empty() && found.differences.iter().all(|(_, told)| told.is_empty()));
    }

    #[test]
    fn an_object_that_was_renamed_differs_and_two_of_one_uuid_are_two() {
        let kind = |key: &str| json!({"export_key": key, "name": key, "uuid": "u"});
        let found = compared(json!({"roles": [kind("mine")]}), json!({"roles": [kind("theirs")]}));
        assert_eq!(found.differences, [("role mine".to_owned(), vec!["is called theirs".to_owned()])]);
        let found = compared(json!({"roles": [kind("a"), kind("b")]}), json!({"roles": [kind("a")]}));
        assert_eq!(found.new, ["role b"]);
    }
}
