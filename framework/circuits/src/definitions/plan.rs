//! What is missing on the platform of the components' definitions, found out before anything is sent. The plan is what is
//! shown and what is carried out, so the two cannot differ.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use circuits_rest::{Account, Rest};
use serde_json::{Value, json};

use super::difference::{Difference, of_destination, of_field, of_rule};
use super::export::{Export, Object};
use super::{ActivityField, Definitions, IncidentField, Rule};
use crate::{Error, Result};

/// A platform may take minutes for an export of some megabytes.
const IMPORT: Duration = Duration::from_secs(600);

/// What has to be done so that the platform has everything; made by [`plan`], carried out by [`Plan::apply`].
#[derive(Debug)]
pub struct Plan {
    changes: Vec<Change>,
    differences: Vec<Difference>,
    /// Ids of the platform's message destinations by programmatic name.
    destinations: HashMap<String, Value>,
}

/// One object that is missing, or a right.
#[derive(Debug)]
pub struct Change {
    component: String,
    label: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Destination(Value),
    /// Lets the acting account read the destination of this name, which exists.
    Allow(String),
    Field {
        path: &'static str,
        body: Value,
    },
    Rule(Rule),
    /// An export, and how many of its objects are new.
    Import(Export, usize),
}

impl Change {
    /// The component that needs it; the first one of several.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The object with its kind in front: `rule Add Task`.
    pub fn object(&self) -> &str {
        &self.label
    }

    /// How many objects it creates.
    pub fn count(&self) -> usize {
        match self.what {
            What::Import(_, new) => new,
            _ => usize::from(self.creates()),
        }
    }

    /// Whether the object is new, and not an existing one that is changed.
    pub fn creates(&self) -> bool {
        !matches!(self.what, What::Allow(_))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.what {
            What::Allow(_) => "let this account read",
            What::Import(..) => "import",
            _ => "create",
        };
        write!(f, "{verb} {}", self.label)
    }
}

/// Compares these components' definitions with the platform. What exists is left as it is, but for the right of the
/// acting account to read the destinations. What several need is planned once.
///
/// # Errors
/// A list that the platform refuses; a rule whose destination is neither defined nor on the platform.
pub async fn plan<'a>(
    rest: &Rest,
    wanted: impl IntoIterator<Item = (&'a str, &'a Definitions)>,
) -> Result<Plan> {
    let mut planner = Planner {
        rest,
        existing: HashMap::new(),
        differences: Vec::new(),
        destinations: list(rest, "/message_destinations", "the message destinations").await?,
        planned: HashSet::new(),
        changes: Vec::new(),
    };
    for (component, definitions) in wanted {
        planner.add(component, definitions).await?;
    }
    let destinations = planner
        .destinations
        .iter()
        .filter_map(|one| Some((one["programmatic_name"].as_str()?.to_owned(), one["id"].clone())))
        .collect();
    Ok(Plan { changes: planner.changes, differences: planner.differences, destinations })
}

struct Planner<'a> {
    rest: &'a Rest,
    /// The objects of each list of the platform by name, as far as they were asked for.
    existing: HashMap<&'static str, HashMap<String, Value>>,
    differences: Vec<Difference>,
    destinations: Vec<Value>,
    planned: HashSet<String>,
    changes: Vec<Change>,
}

impl Planner<'_> {
    async fn add(&mut self, component: &str, definitions: &Definitions) -> Result<()> {
        for destination in &definitions.destinations {
            let name = &destination.programmatic_name;
            let existing = self.destinations.iter().find(|one| one["programmatic_name"] == name.as_str());
            let label = format!("message destination {name}");
            let differences = existing.map(of_destination).unwrap_or_default();
            let what = match existing {
                None => Some(What::Destination(destination.to_json())),
                Some(existing) if !is_allowed(self.rest, existing) => Some(What::Allow(name.clone())),
                Some(_) => None,
            };
            self.differ(component, &label, differences);
            if let Some(what) = what {
                self.need(component, label, what);
            }
        }
        let path = "/types/actioninvocation/fields";
        let fields = definitions.fields.iter().map(ActivityField::to_json).collect();
        self.fields(component, path, "activity field", fields).await?;
        let path = "/types/incident/fields";
        let fields = definitions.incident_fields.iter().map(IncidentField::to_json).collect();
        self.fields(component, path, "incident field", fields).await?;
        for rule in &definitions.rules {
            let label = format!("rule {}", rule.name());
            let destination = rule.destination();
            let id = self.destinations.iter().find(|one| one["programmatic_name"] == destination);
            let id = id.map_or(Value::Null, |one| one["id"].clone());
            if let Some(existing) = self.find("/actions", "the rules", rule.name()).await? {
                let differences = of_rule(&rule.to_json(&id), existing, destination);
                self.differ(component, &label, differences);
                continue;
            }
            if !self.destinations.iter().any(|one| one["programmatic_name"] == destination)
                && !self.planned.contains(&format!("message destination {destination}"))
            {
                return Err(Error::new(format_args!(
                    "{label} sends to `{destination}`, which its component does not define"
                )));
            }
            self.need(component, label, What::Rule(rule.clone()));
        }
        for bytes in &definitions.exports {
            self.import(component, bytes).await?;
        }
        Ok(())
    }

    /// An export is imported whole, if the platform lacks anything of it.
    async fn import(&mut self, component: &str, bytes: &[u8]) -> Result<()> {
        let export = Export::read(bytes).map_err(|error| {
            error.context(format_args!("the export of the component `{component}` cannot be used"))
        })?;
        let (objects, mut new) = (export.objects(), Vec::new());
        for Object { kind, list, key, name } in &objects {
            if self.find_by(list, key, &format!("the {kind}s"), name).await?.is_none() {
                new.push(format!("{kind} {name}"));
            }
        }
        if !new.is_empty() {
            let label =
                format!("{} of {} objects that are new: {}", new.len(), objects.len(), new.join(", "));
            self.need(component, label, What::Import(export, new.len()));
            return Ok(());
        }
        for name in export.destinations() {
            let known = self.destinations.iter().find(|one| one["programmatic_name"] == name);
            if known.is_some_and(|known| !is_allowed(self.rest, known)) {
                self.need(component, format!("message destination {name}"), What::Allow(name.to_owned()));
            }
        }
        Ok(())
    }

    async fn fields(
        &mut self,
        component: &str,
        path: &'static str,
        kind: &str,
        fields: Vec<Value>,
    ) -> Result<()> {
        for body in fields {
            let name = body["name"].as_str().unwrap_or_default().to_owned();
            let label = format!("{kind} {name}");
            match self.find(path, &format!("the {kind}s"), &name).await? {
                None => self.need(component, label, What::Field { path, body }),
                Some(existing) => {
                    let differences = of_field(&body, existing);
                    self.differ(component, &label, differences);
                }
            }
        }
        Ok(())
    }

    /// The object of this name in the platform's list.
    async fn find(&mut self, path: &'static str, what: &str, name: &str) -> Result<Option<&Value>> {
        self.find_by(path, "name", what, name).await
    }

    /// The object whose `key` has this value in the platform's list.
    async fn find_by(
        &mut self,
        path: &'static str,
        key: &str,
        what: &str,
        name: &str,
    ) -> Result<Option<&Value>> {
        if !self.existing.contains_key(path) {
            let listed = list(self.rest, path, what).await?;
            let named = listed.into_iter().filter_map(|one| Some((one[key].as_str()?.to_owned(), one)));
            self.existing.insert(path, named.collect());
        }
        Ok(self.existing.get(path).and_then(|objects| objects.get(name)))
    }

    fn differ(&mut self, component: &str, object: &str, texts: Vec<String>) {
        self.differences.extend(texts.into_iter().map(|text| Difference {
            component: component.to_owned(),
            object: object.to_owned(),
            text,
        }));
    }

    fn need(&mut self, component: &str, label: String, what: What) {
        if self.planned.insert(label.clone()) {
            self.changes.push(Change { component: component.to_owned(), label, what });
        }
    }
}

impl Plan {
    /// What is to be done, in the order in which it will be.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What exists and is not as the components define it. It is left as it is: an administrator may have had a reason.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Whether the platform has everything.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Does it, one object after the other, and tells `done` of each. What is done stays done when a later one fails: a new
    /// plan has the rest.
    ///
    /// # Errors
    /// The first request that the platform refuses, with the name of the object it was for.
    pub async fn apply(mut self, rest: &Rest, mut done: impl FnMut(&Change)) -> Result<()> {
        for change in &self.changes {
            let failed = |error| explain(error, change);
            match &change.what {
                What::Destination(body) => {
                    let created: Value = rest.post("/message_destinations", body).await.map_err(failed)?;
                    allow(rest, &created["id"]).await.map_err(failed)?;
                    let name = body["programmatic_name"].as_str().unwrap_or_default();
                    self.destinations.insert(name.to_owned(), created["id"].clone());
                }
                What::Allow(name) => {
                    let id = self.destinations.get(name).unwrap_or(&Value::Null);
                    allow(rest, id).await.map_err(failed)?;
                }
                What::Field { path, body } => {
                    rest.post::<_, Value>(path, body).await.map_err(failed)?;
                }
                What::Rule(rule) => {
                    let id = self.destinations.get(rule.destination()).unwrap_or(&Value::Null);
                    rest.post::<_, Value>("/actions", &rule.to_json(id)).await.map_err(failed)?;
                }
                What::Import(export, _) => import(rest, export).await.map_err(failed)?,
            }
            done(change);
        }
        Ok(())
    }
}

fn explain(error: circuits_rest::Error, change: &Change) -> Error {
    let forbidden = error.status() == Some(403);
    let error = Error::from(error).context(format_args!("could not {change}"));
    if !forbidden {
        return error;
    }
    Error::new(format_args!(
        "{error}\n  cure: this account may not do that; let an administrator give its role (or API key) the permission to manage \
         customizations, and run this again"
    ))
}

async fn list(rest: &Rest, path: &str, what: &str) -> Result<Vec<Value>> {
    let listed = match path {
        // By their names.
        "/types" => {
            rest.get::<BTreeMap<String, Value>>(path).await.map(|types| types.into_values().collect())
        }
        _ => rest.list(path).await,
    };
    listed.map_err(|error| Error::from(error).context(format_args!("could not list {what}")))
}

/// Posts an export, accepts what the platform makes of it, and lets the acting account read its destinations.
async fn import(rest: &Rest, export: &Export) -> std::result::Result<(), circuits_rest::Error> {
    let patient = rest.with_timeout(IMPORT);
    let mut begun: Value = patient.post("/configurations/imports", export.document()).await?;
    for message in begun["messages"].as_array().into_iter().flatten() {
        tracing::info!(
            text = message["text"].as_str().unwrap_or_default(),
            "The platform says of the import"
        );
    }
    if begun["status"] == "PENDING" {
        begun["status"] = json!("ACCEPTED");
        patient.put::<_, Value>(&format!("/configurations/imports/{}", begun["id"]), &begun).await?;
    }
    let there = rest.list("/message_destinations").await?;
    for name in export.destinations() {
        if let Some(one) = there.iter().find(|one| one["programmatic_name"] == name && !is_allowed(rest, one))
        {
            allow(rest, &one["id"]).await?;
        }
    }
    Ok(())
}

/// The list of a destination that the acting account belongs into, and its id there.
fn account(rest: &Rest) -> (&'static str, Value) {
    match rest.account() {
        Account::ApiKey { handle } => ("api_keys", json!(handle)),
        Account::User { id } => ("users", json!(id)),
    }
}

fn is_allowed(rest: &Rest, destination: &Value) -> bool {
    let (list, account) = account(rest);
    destination[list].as_array().is_some_and(|allowed| allowed.contains(&account))
}

/// Adds the acting account to those that may read a destination.
async fn allow(rest: &Rest, id: &Value) -> std::result::Result<(), circuits_rest::Error> {
    let (list, account) = account(rest);
    let path = format!("/message_destinations/{id}");
    let added = rest.update(&path, |object| match object[list].as_array_mut() {
        Some(allowed) if allowed.contains(&account) => {}
        Some(allowed) => allowed.push(account.clone()),
        None => object[list] = json!([account]),
    });
    added.await.map(drop)
}
