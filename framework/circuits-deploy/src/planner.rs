//! Makes a plan: looks for each defined object, and compares it if it exists.

use std::collections::HashSet;

use circuits::rest::Rest;
use serde_json::{Value, json};

use crate::compare::{compare, quoted};
use crate::contents::{self, FieldNames};
use crate::difference::{Difference, missing_choices, of_destination, of_field, of_rule};
use crate::export::Export;
use crate::plan::{Made, Note, ObjectChange, Plan, What};
use crate::platform::{Platform, is_allowed};
use circuits::definitions::{DataTable, Definitions, Destination, Field, FieldsOf, Function, Rule};
use circuits::{Error, Result};

pub(crate) struct Planner<'a> {
    platform: Platform<'a>,
    /// Labels of the planned objects, including those in exports.
    planned: HashSet<String>,
    pub(crate) plan: Plan,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(rest: &'a Rest) -> Self {
        Self { platform: Platform::new(rest), planned: HashSet::new(), plan: Plan::default() }
    }

    pub(crate) async fn add(&mut self, component: &str, definitions: &Definitions) -> Result<()> {
        for destination in definitions.destinations() {
            self.destination(component, destination).await?;
        }
        for field in definitions.activity_fields() {
            self.field(component, FieldsOf::Activity, field).await?;
        }
        for field in definitions.incident_fields() {
            self.field(component, FieldsOf::Incident, field).await?;
        }
        for table in definitions.data_tables() {
            self.table(component, table).await?;
        }
        for bytes in definitions.exports() {
            self.import(component, bytes).await?;
        }
        for function in definitions.functions() {
            for input in function.inputs() {
                self.field(component, FieldsOf::Function, input).await?;
            }
            self.function(component, function).await?;
        }
        for script in definitions.scripts() {
            self.made(component, Made::Script(script.clone())).await?;
        }
        for workflow in definitions.workflows() {
            self.made(component, Made::Workflow(workflow.clone())).await?;
        }
        for playbook in definitions.playbooks() {
            self.made(component, Made::Playbook(playbook.clone())).await?;
        }
        for rule in definitions.rules() {
            self.rule(component, rule).await?;
        }
        Ok(())
    }

    async fn destination(&mut self, component: &str, wanted: &Destination) -> Result<()> {
        let (rest, name) = (self.platform.rest(), wanted.programmatic_name());
        let label = format!("message destination {name}");
        let existing = self.platform.find("/message_destinations", name).await?;
        let what = match existing {
            None => Some(What::Destination(wanted.to_json())),
            Some(existing) if !is_allowed(rest, existing) => Some(What::Allow(name.to_owned())),
            Some(_) => None,
        };
        let differences = existing.map(of_destination).unwrap_or_default();
        self.differ(component, &label, differences);
        if let Some(what) = what {
            self.need(component, label, what);
        }
        Ok(())
    }

    async fn field(&mut self, component: &str, of: FieldsOf, field: &Field) -> Result<()> {
        let body = field.to_json(of);
        let label = format!("{} {}", of.kind(), field.name());
        let Some(existing) = self.platform.find(of.path(), field.name()).await? else {
            self.need(component, label, What::Field(of, body));
            return Ok(());
        };
        let (id, differences) = (existing["id"].clone(), of_field(&body, existing));
        let labels = missing_choices(&body, existing);
        if differences.is_empty() && !labels.is_empty() {
            let added = format!("{} to {label}", quoted(&labels));
            self.need(component, added, What::Choices { of, id, labels });
        }
        self.differ(component, &label, differences);
        Ok(())
    }

    async fn table(&mut self, component: &str, table: &DataTable) -> Result<()> {
        let label = format!("data table {}", table.name());
        let Some(existing) = self.platform.find("/types", table.name()).await? else {
            self.need(component, label, What::Table(table.to_json()));
            return Ok(());
        };
        let existing = existing["fields"].clone();
        for column in table.columns() {
            let name = column["name"].as_str().unwrap_or_default();
            let label = format!("column {name} of {label}");
            match existing.get(name) {
                None => self.need(component, label, What::Column(table.name().to_owned(), column)),
                Some(there) => self.differ(component, &label, of_field(&column, there)),
            }
        }
        Ok(())
    }

    async fn function(&mut self, component: &str, function: &Function) -> Result<()> {
        let label = format!("function {}", function.name());
        self.must_have(
            &label,
            "sends to",
            "message destination",
            "/message_destinations",
            function.destination(),
        )
        .await?;
        let Some(existing) = self.platform.find("/functions", function.name()).await?.cloned() else {
            self.need(component, label, What::Function(function.clone()));
            return Ok(());
        };
        let names: FieldNames = self
            .platform
            .list(FieldsOf::Function.path())
            .await?
            .iter()
            .filter_map(|(name, field)| Some((field["uuid"].as_str()?.to_owned(), name.clone())))
            .collect();
        // Inputs are compared by name, because a new one has no uuid yet.
        let wanted = contents::of("function", &function.to_json(|name| json!(name)), &names);
        let differences = contents::differences(&wanted, &contents::of("function", &existing, &names));
        if !differences.is_empty() {
            self.may(
                component,
                label.clone(),
                What::ChangeFunction(function.clone(), existing["id"].clone()),
            );
        }
        self.differ(component, &label, differences);
        Ok(())
    }

    async fn made(&mut self, component: &str, made: Made) -> Result<()> {
        let label = made.label();
        for function in made.functions() {
            self.must_have(&label, "calls", "function", "/functions", function).await?;
        }
        // A planned function has no uuid yet, and needs no comparison.
        let uuids: Vec<_> = match self.platform.list("/functions").await {
            Ok(functions) => {
                made.functions().map(|name| (name.to_owned(), uuid_of(functions.get(name)))).collect()
            }
            Err(error) => return Err(error),
        };
        let uuid = |name: &str| {
            uuids.iter().find(|(other, _)| other == name).map(|(_, uuid)| uuid.clone()).unwrap_or_default()
        };
        let platform = self.platform.export().await?;
        let (names, (kind, name)) = (platform.field_names(), made.kind_and_name());
        let Some(existing) = platform.find(kind, name) else {
            self.need(component, label, What::Made(made));
            return Ok(());
        };
        let wanted = contents::of(kind, &made.to_json(uuid), &names);
        let differences = contents::differences(&wanted, &contents::of(kind, existing, &names));
        if !differences.is_empty() {
            self.may(component, label.clone(), What::ChangeMade(made));
        }
        self.differ(component, &label, differences);
        Ok(())
    }

    async fn rule(&mut self, component: &str, rule: &Rule) -> Result<()> {
        let label = format!("rule {}", rule.name());
        let mut id = Value::Null;
        if let Some(destination) = rule.destination() {
            let destinations = self.platform.list("/message_destinations").await?;
            id = destinations.get(destination).map_or(Value::Null, |one| one["id"].clone());
        }
        if let Some(existing) = self.platform.find("/actions", rule.name()).await? {
            let differences = of_rule(&rule.to_json(|_| id.clone()), existing, rule.destination());
            let change = What::ChangeRule(rule.clone(), existing["id"].clone());
            if !differences.is_empty() {
                self.may(component, label.clone(), change);
            }
            self.differ(component, &label, differences);
            return Ok(());
        }
        if let Some(destination) = rule.destination() {
            self.must_have(&label, "sends to", "message destination", "/message_destinations", destination)
                .await?;
        }
        for workflow in rule.workflows() {
            let known = self.planned.contains(&format!("workflow {workflow}"))
                || self.platform.export().await?.find("workflow", workflow).is_some();
            if !known {
                return Err(unknown(&label, "starts", workflow));
            }
        }
        self.need(component, label, What::Rule(rule.clone()));
        Ok(())
    }

    /// Plans to import the whole export if the platform lacks any part of it.
    async fn import(&mut self, component: &str, bytes: &[u8]) -> Result<()> {
        let mut export = Export::read(bytes).map_err(|error| {
            error.context(format_args!("the export of the component `{component}` cannot be used"))
        })?;
        let rest = self.platform.rest();
        let platform = self.platform.export().await?;
        let found = compare(&export, platform);
        export.keep_choices_of(platform);
        self.note(component, found.notes);
        let differs = found.differences.iter().any(|(_, told)| !told.is_empty());
        for (label, told) in found.differences {
            self.differ(component, &label, told);
        }
        let (number, count) = (found.new.len(), found.count);
        let said = |what: &str, labels: &[String]| {
            let said = format!("{what} that are new: {}", labels.join(", "));
            Some(said).filter(|_| !labels.is_empty())
        };
        let lacks: Vec<_> = [
            said(&format!("{number} of {count} objects"), &found.new),
            said("parts", &found.parts),
            said("choices", &found.choices),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !lacks.is_empty() {
            self.planned.extend(found.new);
            self.need(component, lacks.join("; and "), What::Import(export, number + found.parts.len()));
            return Ok(());
        }
        for (name, there) in found.destinations {
            if !is_allowed(rest, &there) {
                self.need(component, format!("message destination {name}"), What::Allow(name));
            }
        }
        if differs || found.unknown {
            self.may(component, format!("its {count} objects"), What::ImportAgain(export));
        }
        Ok(())
    }

    /// Refuses an object that names another one that is neither planned nor on the platform.
    async fn must_have(
        &mut self,
        label: &str,
        does: &str,
        kind: &str,
        list: &'static str,
        name: &str,
    ) -> Result<()> {
        if self.planned.contains(&format!("{kind} {name}")) || self.platform.find(list, name).await?.is_some()
        {
            return Ok(());
        }
        Err(unknown(label, does, name))
    }

    fn differ(&mut self, component: &str, object: &str, texts: Vec<String>) {
        self.plan.differences.extend(texts.into_iter().map(|text| Difference {
            component: component.to_owned(),
            object: object.to_owned(),
            text,
        }));
    }

    fn note(&mut self, component: &str, texts: Vec<String>) {
        let note = |text| Note { component: component.to_owned(), text };
        self.plan.notes.extend(texts.into_iter().map(note));
    }

    fn need(&mut self, component: &str, label: String, what: What) {
        if self.planned.insert(label.clone()) {
            self.plan.changes.push(ObjectChange { component: component.to_owned(), label, what });
        }
    }

    /// Notes the change that would remove a difference.
    fn may(&mut self, component: &str, label: String, what: What) {
        self.plan.updates.push(ObjectChange { component: component.to_owned(), label, what });
    }
}

impl Made {
    pub(crate) fn kind_and_name(&self) -> (&'static str, &str) {
        match self {
            Self::Script(script) => ("script", script.name()),
            Self::Workflow(workflow) => ("workflow", workflow.name()),
            Self::Playbook(playbook) => ("playbook", playbook.name()),
        }
    }

    fn label(&self) -> String {
        let (kind, name) = self.kind_and_name();
        format!("{kind} {name}")
    }

    /// The API names of the functions that it calls.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let calls = match self {
            Self::Script(_) => &[][..],
            Self::Workflow(workflow) => workflow.calls(),
            Self::Playbook(playbook) => playbook.calls(),
        };
        calls.iter().map(circuits::definitions::FunctionCall::function)
    }

    /// The object as in an export; `function` returns the uuid of a function.
    pub(crate) fn to_json(&self, function: impl Fn(&str) -> String) -> Value {
        match self {
            Self::Script(script) => script.to_json(),
            Self::Workflow(workflow) => workflow.to_json(function),
            Self::Playbook(playbook) => playbook.to_json(function),
        }
    }
}

/// The uuid of an object of the platform; empty if it has none.
pub(crate) fn uuid_of(object: Option<&Value>) -> String {
    object.and_then(|object| object["uuid"].as_str()).unwrap_or_default().to_owned()
}

fn unknown(label: &str, does: &str, name: &str) -> Error {
    Error::new(format_args!(
        "{label} {does} `{name}`, which its component does not define and the platform does not have"
    ))
}
