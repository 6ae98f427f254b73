//! Cuts out of an export what a component needs: what it handles, and whatever that names.

use circuits_deploy::packages;
use serde_json::{Map, Value};

/// The objects in a list of an export.
fn all<'a>(document: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    document[list].as_array().into_iter().flatten()
}

/// An export of these rules and functions, with their message destinations, fields and inputs; the workflows and playbooks that call
/// the functions, with their scripts and with the rules that start them; and the data tables and custom fields of incidents that
/// any of these name.
pub(super) fn cut(document: &Value, destination: &str, handled: &[&Value]) -> Value {
    let mut kept = Kept { objects: handled.to_vec() };
    let workflows = kept.naming(document, "workflows", "uuid", |workflow| &workflow["content"]["xml"]);
    let playbooks = kept.naming(document, "playbooks", "uuid", |playbook| &playbook["content"]["xml"]);
    let started = all(document, "workflows").filter(|workflow| {
        let rules = handled.iter().flat_map(|rule| rule["workflows"].as_array().into_iter().flatten());
        rules.into_iter().any(|name| *name == workflow["programmatic_name"])
    });
    let mut flows: Vec<&Value> = workflows;
    flows.extend(started);
    let starters = all(document, "actions").filter(|rule| {
        let names = rule["workflows"].as_array().into_iter().flatten();
        names.into_iter().any(|name| flows.iter().any(|flow| flow["programmatic_name"] == *name))
    });
    let starters: Vec<&Value> = starters.collect();
    kept.add(flows.into_iter().chain(playbooks).chain(starters));
    // The diagrams may call other functions and scripts too.
    for list in ["functions", "scripts"] {
        let called: Vec<_> =
            all(document, list).filter(|one| kept.mentions(one["uuid"].as_str().unwrap_or("\0"))).collect();
        kept.add(called);
    }
    let tables: Vec<_> = all(document, "types")
        .filter(|one| kept.mentions(one["type_name"].as_str().unwrap_or("\0")))
        .collect();
    let fields = all(document, "fields").filter(|field| {
        let (name, uuid) = (field["name"].as_str().unwrap_or("\0"), field["uuid"].as_str().unwrap_or("\0"));
        match field["type_id"].as_i64() {
            Some(0) => field["prefix"] == "properties" && kept.mentions(&format!("properties.{name}")),
            _ => kept.views(name) || kept.views(uuid),
        }
    });
    let fields: Vec<_> = fields.collect();
    kept.add(tables.into_iter().chain(fields));
    let destinations = all(document, "message_destinations").filter(|one| {
        let name = &one["programmatic_name"];
        name == destination
            || kept.objects.iter().any(|object| {
                object["destination_handle"] == *name
                    || object["message_destinations"].as_array().is_some_and(|list| list.contains(name))
            })
    });
    let destinations: Vec<_> = destinations.collect();
    kept.add(destinations);
    kept.out_of(document)
}

struct Kept<'a> {
    objects: Vec<&'a Value>,
}

impl<'a> Kept<'a> {
    fn add(&mut self, objects: impl IntoIterator<Item = &'a Value>) {
        for object in objects {
            if !self.objects.iter().any(|known| std::ptr::eq(*known, object)) {
                self.objects.push(object);
            }
        }
    }

    /// The objects of a list whose text contains the value that a kept object has for this key.
    fn naming(
        &self,
        document: &'a Value,
        list: &str,
        key: &str,
        text: impl Fn(&Value) -> &Value,
    ) -> Vec<&'a Value> {
        let names: Vec<_> = self.objects.iter().filter_map(|one| one[key].as_str()).collect();
        let names_one = |one: &&Value| {
            let text = text(one).as_str().unwrap_or_default();
            names.iter().any(|name| text.contains(name))
        };
        all(document, list).filter(names_one).collect()
    }

    /// Whether any kept object contains this text.
    fn mentions(&self, text: &str) -> bool {
        self.objects.iter().any(|object| object.to_string().contains(text))
    }

    /// Whether a dialog or the inputs of a function show this field.
    fn views(&self, field: &str) -> bool {
        let items =
            self.objects.iter().flat_map(|object| object["view_items"].as_array().into_iter().flatten());
        items.into_iter().any(|item| item["content"] == field)
    }

    fn out_of(&self, document: &Value) -> Value {
        let mut cut = Map::new();
        for (key, value) in document.as_object().into_iter().flatten() {
            let value = match value {
                Value::Array(list) => list
                    .iter()
                    .filter(|one| self.objects.iter().any(|kept| std::ptr::eq(*kept, *one)))
                    .cloned()
                    .collect(),
                // Scalars, and the version of the server.
                other => other.clone(),
            };
            cut.insert(key.clone(), value);
        }
        cut.insert("incident_types".to_owned(), packages());
        Value::Object(cut)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_function_needs_comes_along_and_nothing_else() {
        let flow = |name: &str, function: &str| {
            json!({"programmatic_name": name, "object_type": "table_a",
                "content": {"xml": format!("<resilient:function uuid=\"{function}\"/> script s-1 incident.properties.seen")}})
        };
        let document = json!({
            "export_format_version": 2, "server_version": {"v": 51},
            "message_destinations": [{"programmatic_name": "q"}, {"programmatic_name": "other"}],
            "functions": [
                {"name": "f", "uuid": "f-1", "destination_handle": "q", "view_items": [{"content": "i-1"}]},
                {"name": "g", "uuid": "g-1", "destination_handle": "other", "view_items": [{"content": "i-2"}]},
            ],
            "workflows": [flow("flow_f", "f-1"), flow("flow_g", "g-1")],
            "scripts": [{"name": "S", "uuid": "s-1"}, {"name": "T", "uuid": "t-1"}],
            "actions": [
                {"name": "Start", "message_destinations": [], "workflows": ["flow_f"], "view_items": [{"content": "a-1"}]},
                {"name": "Else", "message_destinations": ["other"], "workflows": ["flow_g"]},
            ],
            "types": [{"type_name": "table_a"}, {"type_name": "table_b"}],
            "fields": [
                {"name": "seen", "type_id": 0, "prefix": "properties"}, {"name": "unseen", "type_id": 0, "prefix": "properties"},
                {"name": "name", "type_id": 0, "prefix": null},
                {"name": "word", "uuid": "a-1", "type_id": 6}, {"name": "in", "uuid": "i-1", "type_id": 11},
                {"name": "of_g", "uuid": "i-2", "type_id": 11},
            ],
            "phases": [{"name": "Engage"}], "geos": null,
        });
        let cut = cut(&document, "q", &[&document["functions"][0]]);
        let names = |list: &str, key: &str| all(&cut, list).map(|one| one[key].clone()).collect::<Vec<_>>();
        assert_eq!(names("message_destinations", "programmatic_name"), ["q"]);
        assert_eq!(names("functions", "name"), ["f"]);
        assert_eq!(names("workflows", "programmatic_name"), ["flow_f"]);
        assert_eq!(names("scripts", "name"), ["S"]);
        assert_eq!(names("actions", "name"), ["Start"]);
        assert_eq!(names("types", "type_name"), ["table_a"]);
        assert_eq!(names("fields", "name"), ["seen", "word", "in"]);
        assert_eq!((names("phases", "name").len(), names("incident_types", "name").len()), (0, 1));
        assert_eq!((&cut["server_version"]["v"], &cut["geos"]), (&json!(51), &Value::Null));
    }
}
