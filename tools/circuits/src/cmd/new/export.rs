//! The parts of an export that a component can handle: rules that send to a message destination, with the fields they ask for,
//! and functions with their inputs.

use std::collections::HashSet;

use anyhow::bail;
use serde_json::Value;

use super::cut::cut;
use super::names::{Names, title};

/// What the new component should handle.
pub(super) struct Found {
    pub(super) destination: String,
    pub(super) rules: Vec<Handled>,
    pub(super) functions: Vec<Handled>,
    /// The export as it will be stored.
    pub(super) export: Option<String>,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

/// One rule or function.
pub(super) struct Handled {
    pub(super) name: String,
    pub(super) method: String,
    /// The name of the struct of its fields or inputs.
    pub(super) struct_name: String,
    /// Activity fields, or inputs.
    pub(super) fields: Vec<Asked>,
    /// Whether it can be fired by hand on an incident.
    pub(super) is_menu_item_of_incidents: bool,
}

/// One field.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) kind: &'static str,
}

/// The parts of an export that the user wants; everything if none is named.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) rules: Vec<String>,
    pub(super) functions: Vec<String>,
    pub(super) destination: Option<String>,
    /// Whether to keep only the parts of the export that the component needs, even if everything is wanted.
    pub(super) cut: bool,
}

impl Wanted {
    fn is_everything(&self) -> bool {
        self.rules.is_empty() && self.functions.is_empty()
    }
}

impl Found {
    /// One rule with one field, to start from.
    pub(super) fn nothing(name: &str) -> Self {
        let ident = name.replace('-', "_");
        let field = Asked { name: format!("{ident}_word"), kind: "String" };
        let rule = Handled {
            name: title(name),
            method: "handle".to_owned(),
            struct_name: "HandleFields".to_owned(),
            fields: vec![field],
            is_menu_item_of_incidents: true,
        };
        Self { destination: ident, rules: vec![rule], functions: Vec::new(), export: None, notes: Vec::new() }
    }

    pub(super) fn read(component: &str, document: &Value, wanted: &Wanted) -> anyhow::Result<Self> {
        let list = |name: &str| document[name].as_array().map_or(&[][..], Vec::as_slice);
        let (actions, functions) = (list("actions"), list("functions"));
        missing(&wanted.rules, actions, "rule")?;
        missing(&wanted.functions, functions, "function")?;
        let mut notes = Vec::new();
        let mut found: Vec<(String, Object<'_>)> = Vec::new();
        for rule in actions {
            let (name, asked) =
                (text(&rule["name"]), wanted.rules.iter().any(|one| rule["name"] == one.as_str()));
            match rule["message_destinations"][0].as_str() {
                Some(sends) if asked || wanted.is_everything() => {
                    found.push((sends.to_owned(), Object::Rule(rule)))
                }
                None if asked => notes.push(format!(
                    "rule \"{name}\" sends to no message destination, so there is nothing to handle"
                )),
                _ => {}
            }
        }
        for function in functions {
            let asked = wanted.functions.iter().any(|one| function["name"] == one.as_str());
            let sends = function["destination_handle"].as_str();
            if let Some(sends) = sends.filter(|_| asked || wanted.is_everything()) {
                found.push((sends.to_owned(), Object::Function(function)));
            }
        }
        let destination = match (&wanted.destination, found.first()) {
            (Some(destination), _) => destination.clone(),
            (None, Some((sends, _))) => sends.clone(),
            (None, None) => bail!(
                "no rule and no function in it sends to a message destination; without --from you get a rule to start from"
            ),
        };
        let others: HashSet<_> =
            found.iter().map(|(sends, _)| sends).filter(|sends| **sends != destination).collect();
        for other in others {
            notes.push(format!(
                "what sends to `{other}` is left out: a component has one destination; make another with --destination {other}"
            ));
        }
        found.retain(|(sends, _)| *sends == destination);
        if found.is_empty() {
            bail!("no rule and no function in it sends to the message destination `{destination}`");
        }
        let fields = list("fields");
        let mut used = Names::of(component);
        let (mut rules, mut called, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (_, object) in &found {
            match object {
                Object::Rule(rule) => rules.push(handled(rule, fields, 6, &mut used)),
                Object::Function(function) => called.push(handled(function, fields, 11, &mut used)),
            }
            names.push(object.value());
        }
        let whole = wanted.is_everything() && wanted.destination.is_none() && !wanted.cut;
        let kept = if whole { document.clone() } else { cut(document, &destination, &names) };
        Ok(Self { destination, rules, functions: called, export: Some(format!("{kept:#}")), notes })
    }
}

enum Object<'a> {
    Rule(&'a Value),
    Function(&'a Value),
}

impl<'a> Object<'a> {
    fn value(&self) -> &'a Value {
        match self {
            Self::Rule(value) | Self::Function(value) => value,
        }
    }
}

fn missing(wanted: &[String], objects: &[Value], kind: &str) -> anyhow::Result<()> {
    let missing = wanted.iter().find(|one| objects.iter().all(|object| object["name"] != one.as_str()));
    missing.map_or(Ok(()), |missing| bail!("it has no {kind} \"{missing}\""))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn handled(object: &Value, fields: &[Value], type_id: i64, used: &mut Names) -> Handled {
    let name = text(&object["name"]).to_owned();
    let items = object["view_items"].as_array().into_iter().flatten();
    let asked = items.filter_map(|item| {
        // Newer platforms refer to the field by its uuid.
        let is = |field: &&Value| {
            field["type_id"] == type_id
                && (field["uuid"] == item["content"] || field["name"] == item["content"])
        };
        let field = fields.iter().find(is)?;
        let kind = kind(field["input_type"].as_str()?, type_id == 11);
        Some(Asked { name: field["name"].as_str()?.to_owned(), kind })
    });
    let (kind, what) = if type_id == 11 { ("function", "Inputs") } else { ("rule", "Fields") };
    let (method, struct_name) = used.give(&name, kind, what);
    Handled {
        method,
        struct_name,
        is_menu_item_of_incidents: object["type"] == 1 && object["object_type"] == "incident",
        fields: asked.collect(),
        name,
    }
}

/// The type of a field's value in a message. Functions receive choices as names, rules receive them as numbers.
fn kind(input_type: &str, of_function: bool) -> &'static str {
    match input_type {
        "text" | "textarea" => "String",
        "number" | "datepicker" | "datetimepicker" => "i64",
        "select" if of_function => "String",
        "multiselect" if of_function => "Vec<String>",
        "select" | "select_owner" | "select_user" => "i64",
        "boolean" => "bool",
        "multiselect" | "multiselect_members" => "Vec<i64>",
        _ => "Value",
    }
}
