//! What an export holds that a component can take up: rules that send to a message destination, and the fields they ask for.

use std::collections::HashSet;

use anyhow::{Context as _, bail};
use circuits::definitions::read_export;
use serde_json::Value;

use super::names::{camel, snake, title};

/// What the new component is to handle.
pub(super) struct Found {
    pub(super) destination: String,
    pub(super) rules: Vec<Handled>,
    /// The export as it will be kept.
    pub(super) export: Option<String>,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

/// One rule.
pub(super) struct Handled {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) fields: Vec<Asked>,
    /// Sample values that fire it on a new platform, when it can be fired by hand on an incident.
    pub(super) is_menu_item_of_incidents: bool,
}

/// One activity field.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) kind: &'static str,
}

impl Found {
    /// One rule with one field, to begin with.
    pub(super) fn nothing(name: &str) -> Self {
        let ident = name.replace('-', "_");
        let field = Asked { name: format!("{ident}_word"), kind: "String" };
        let rule = Handled {
            name: title(name),
            method: "handle".to_owned(),
            fields: vec![field],
            is_menu_item_of_incidents: true,
        };
        Self { destination: ident, rules: vec![rule], export: None, notes: Vec::new() }
    }

    pub(super) fn read(
        component: &str,
        bytes: &[u8],
        wanted: &[String],
        destination: Option<&str>,
    ) -> anyhow::Result<Self> {
        let document = read_export(bytes).map_err(anyhow::Error::msg)?;
        let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
        let mut notes = Vec::new();
        let mut found: Vec<(String, Value)> = Vec::new();
        for rule in list("actions") {
            let name = rule["name"].as_str().unwrap_or_default();
            let sends = rule["message_destinations"][0].as_str().map(str::to_owned);
            let chosen = (wanted.is_empty() || wanted.iter().any(|one| one == name))
                && destination.is_none_or(|one| sends.as_deref() == Some(one));
            match sends {
                Some(sends) if chosen => found.push((sends, rule)),
                None if wanted.iter().any(|one| one == name) => {
                    notes.push(format!(
                        "rule \"{name}\" sends to no message destination, so there is nothing to handle"
                    ));
                }
                _ => {}
            }
        }
        if let Some(missing) =
            wanted.iter().find(|one| list("actions").iter().all(|rule| rule["name"] != one.as_str()))
        {
            bail!("it has no rule \"{missing}\"");
        }
        let functions = list("functions").len();
        if functions > 0 {
            notes.push(format!(
                "{functions} functions are imported with the rest and not handled: only rules are"
            ));
        }
        let destination = match destination {
            Some(destination) => destination.to_owned(),
            None => found.first().map(|(sends, _)| sends.clone()).context(
                "it has no rule that sends to a message destination; without --from there is one to begin with",
            )?,
        };
        let others: HashSet<_> =
            found.iter().map(|(sends, _)| sends).filter(|sends| **sends != destination).collect();
        for other in others {
            notes.push(format!(
                "rules that send to `{other}` are left out: a component has one destination; make another with --destination {other}"
            ));
        }
        let mut used = HashSet::from(["new".to_owned(), component.replace('-', "_"), "component".to_owned()]);
        let rules: Vec<_> = found
            .iter()
            .filter(|(sends, _)| *sends == destination)
            .map(|(_, rule)| handled(rule, &list("fields"), &mut used))
            .collect();
        if rules.is_empty() {
            bail!("no rule in it sends to the message destination `{destination}`");
        }
        Ok(Self { destination, rules, export: Some(format!("{document:#}")), notes })
    }
}

fn handled(rule: &Value, fields: &[Value], used: &mut HashSet<String>) -> Handled {
    let name = rule["name"].as_str().unwrap_or_default().to_owned();
    let items = rule["view_items"].as_array().into_iter().flatten();
    let asked = items.filter_map(|item| {
        // Newer platforms name the field by its uuid.
        let is = |field: &&Value| {
            field["type_id"] == 6 && (field["uuid"] == item["content"] || field["name"] == item["content"])
        };
        let field = fields.iter().find(is)?;
        Some(Asked { name: field["name"].as_str()?.to_owned(), kind: kind(field["input_type"].as_str()?) })
    });
    Handled {
        method: snake(&name, used),
        is_menu_item_of_incidents: rule["type"] == 1 && rule["object_type"] == "incident",
        fields: asked.collect(),
        name,
    }
}

/// What a field's value is in a message.
fn kind(input_type: &str) -> &'static str {
    match input_type {
        "text" | "textarea" => "String",
        "number" | "datepicker" | "datetimepicker" | "select" | "select_owner" | "select_user" => "i64",
        "boolean" => "bool",
        "multiselect" | "multiselect_members" => "Vec<i64>",
        _ => "Value",
    }
}

impl Handled {
    /// The name of the struct of its fields.
    pub(super) fn struct_name(&self) -> String {
        format!("{}Fields", camel(&self.method))
    }
}
