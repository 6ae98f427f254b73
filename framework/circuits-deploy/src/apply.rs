//! Carries a plan out, one object after the other.

use std::collections::HashMap;

use circuits::rest::{HandleFormat, Rest};
use serde_json::{Value, json};

use crate::export::Export;
use crate::packages::packages;
use crate::plan::{Made, ObjectChange, Plan, What};
use crate::planner::uuid_of;
use crate::platform::{PATIENCE, allow, fetch, is_allowed};
use circuits::definitions::{FieldsOf, Function, Rule};
use circuits::{Error, Result};

/// How far a plan is carried out.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// The change begins.
    Begins(&'a ObjectChange),
    /// The change is done.
    Done(&'a ObjectChange),
}

impl Plan {
    /// Carries the plan out, one object after the other, and reports each to `told`. If one fails, the earlier ones stay done: a
    /// new plan has the rest.
    ///
    /// # Errors
    /// The first request that the platform refuses, with the name of its object.
    pub async fn apply(self, rest: &Rest, mut told: impl FnMut(Progress<'_>)) -> Result<()> {
        let mut deed = Deed { rest, lists: HashMap::new() };
        for change in &self.changes {
            told(Progress::Begins(change));
            deed.carry_out(&change.what).await.map_err(|error| explain(error, change))?;
            told(Progress::Done(change));
        }
        Ok(())
    }
}

struct Deed<'a> {
    rest: &'a Rest,
    /// The platform's lists by path, then by name, as far as they were needed. A list is fetched again after a creation.
    lists: HashMap<&'static str, HashMap<String, Value>>,
}

impl Deed<'_> {
    async fn carry_out(&mut self, what: &What) -> Result<()> {
        let rest = self.rest;
        match what {
            What::Destination(body) => {
                let created: Value = rest.post("/message_destinations", body).await?;
                self.lists.remove("/message_destinations");
                allow(rest, &created["id"]).await?;
            }
            What::Allow(name) => {
                let id = self.id("/message_destinations", name).await?;
                allow(rest, &id).await?;
            }
            What::Field(of, body) => {
                rest.post::<_, Value>(of.path(), body).await?;
                self.lists.remove(of.path());
            }
            What::Choices { of, id, labels } => {
                let path = format!("{}/{id}", of.path());
                rest.update(&path, |field| add_choices(field, labels)).await?;
            }
            What::Table(body) => drop(rest.post::<_, Value>("/types", body).await?),
            What::Column(table, body) => {
                let path = format!("/types/{}/fields", circuits::rest::segment(table));
                rest.post::<_, Value>(&path, body).await?;
            }
            What::Function(function) => {
                let body = self.function(function).await?;
                rest.post::<_, Value>("/functions", &body).await?;
                self.lists.remove("/functions");
            }
            What::ChangeFunction(function, id) => {
                let body = self.function(function).await?;
                rest.update(&format!("/functions/{id}"), |object| lay_over(object, &body)).await?;
            }
            What::Made(made) | What::ChangeMade(made) => {
                let document = self.made(made).await?;
                import(rest, &document).await?;
            }
            What::Import(export, _) | What::ImportAgain(export) => {
                import(rest, export.document()).await?;
                self.lists.clear();
                self.read_destinations(export).await?;
            }
            What::Rule(rule) => {
                let body = self.rule(rule).await?;
                rest.post::<_, Value>("/actions", &body).await?;
            }
            What::ChangeRule(rule, id) => {
                let (rest, body) = (rest.with_handles(HandleFormat::Names), rule.to_json(|name| json!(name)));
                rest.update(&format!("/actions/{id}"), |object| change_rule(object, &body)).await?;
            }
        }
        Ok(())
    }

    async fn list(&mut self, path: &'static str) -> Result<&HashMap<String, Value>> {
        if !self.lists.contains_key(path) {
            self.lists.insert(path, fetch(self.rest, path).await?);
        }
        Ok(&self.lists[path])
    }

    async fn id(&mut self, path: &'static str, name: &str) -> Result<Value> {
        Ok(self.list(path).await?.get(name).map_or(Value::Null, |one| one["id"].clone()))
    }

    async fn function(&mut self, function: &Function) -> Result<Value> {
        let inputs = self.list(FieldsOf::Function.path()).await?;
        Ok(function.to_json(|name| json!(uuid_of(inputs.get(name)))))
    }

    async fn rule(&mut self, rule: &Rule) -> Result<Value> {
        let id = match rule.destination() {
            Some(name) => self.id("/message_destinations", name).await?,
            None => Value::Null,
        };
        Ok(rule.to_json(|_| id.clone()))
    }

    /// An export with only this object.
    async fn made(&mut self, made: &Made) -> Result<Value> {
        let functions = self.list("/functions").await?;
        let object = made.to_json(|name| uuid_of(functions.get(name)));
        let version: Value = self.rest.absolute().get("/const").await.unwrap_or_default();
        let list = format!("{}s", made.kind_and_name().0);
        Ok(json!({
            "export_format_version": 2,
            "export_type": "ORG",
            "server_version": version["server_version"],
            "incident_types": packages(),
            list: [object],
        }))
    }

    /// Lets the acting account read the destinations of an export.
    async fn read_destinations(&mut self, export: &Export) -> Result<()> {
        let rest = self.rest;
        let there = self.list("/message_destinations").await?;
        for one in export.destinations().filter_map(|name| there.get(name)) {
            if !is_allowed(rest, one) {
                allow(rest, &one["id"]).await?;
            }
        }
        Ok(())
    }
}

/// Posts an export and accepts the import that the platform prepares from it.
async fn import(rest: &Rest, document: &Value) -> std::result::Result<(), circuits::rest::RestError> {
    let patient = rest.with_timeout(PATIENCE);
    let mut begun: Value = patient.post("/configurations/imports", document).await?;
    for message in begun["messages"].as_array().into_iter().flatten() {
        tracing::info!(
            text = message["text"].as_str().unwrap_or_default(),
            "The platform's message about the import"
        );
    }
    if begun["status"] == "PENDING" {
        begun["status"] = json!("ACCEPTED");
        patient.put::<_, Value>(&format!("/configurations/imports/{}", begun["id"]), &begun).await?;
    }
    Ok(())
}

/// Adds choices. All existing ones stay, including those that somebody else added meanwhile.
fn add_choices(field: &mut Value, labels: &[String]) {
    let Some(values) = field["values"].as_array_mut() else {
        field["values"] = labels.iter().map(|label| choice(label)).collect();
        return;
    };
    for label in labels {
        if !values.iter().any(|value| value["label"] == label.as_str()) {
            values.push(choice(label));
        }
    }
}

fn choice(label: &str) -> Value {
    json!({"label": label, "enabled": true, "hidden": false})
}

fn lay_over(object: &mut Value, body: &Value) {
    for (key, value) in body.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
}

/// Changes a rule. Its conditions, and other destinations and workflows of it, are left alone: they are not this component's.
fn change_rule(object: &mut Value, body: &Value) {
    for key in ["type", "object_type", "enabled"] {
        object[key] = body[key].clone();
    }
    for key in ["message_destinations", "workflows"] {
        for value in body[key].as_array().into_iter().flatten() {
            match object[key].as_array_mut() {
                Some(list) if list.contains(value) => {}
                Some(list) => list.push(value.clone()),
                None => object[key] = json!([value]),
            }
        }
    }
}

fn explain(error: Error, change: &ObjectChange) -> Error {
    let status =
        error.downcast_ref::<circuits::rest::RestError>().and_then(circuits::rest::RestError::status);
    let forbidden = status == Some(403);
    let error = error.context(format_args!("could not {change}"));
    if !forbidden {
        return error;
    }
    Error::new(format_args!(
        "{error}\n  cure: this account may not do that; let an administrator give its role (or API key) the permission to manage \
         customizations, and run this again"
    ))
}
