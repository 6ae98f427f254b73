//! Creates on the platform what is missing of a component's definitions; what exists is left as it is, but for the right of
//! the acting account to read the destinations.

use circuits_rest::{Account, Rest};
use serde_json::{Value, json};

use super::{ActivityField, Definitions, IncidentField};
use crate::{Error, Result};

/// What [`deploy`] created, by name; empty when everything was there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Message destinations, fields and rules, each with its kind in front.
    pub created: Vec<String>,
}

/// Creates the missing destinations, fields and rules, and lets the acting account read the destinations. Running
/// it again changes nothing.
///
/// # Errors
/// The first request that the platform refuses, with the name of the object it was for.
pub async fn deploy(rest: &Rest, definitions: &Definitions) -> Result<Deployed> {
    let mut deployed = Deployed::default();
    let mut destinations = entities(rest.get("/message_destinations").await?);
    for destination in &definitions.destinations {
        let label = format!("message destination {}", destination.programmatic_name);
        match find(&destinations, "programmatic_name", &destination.programmatic_name) {
            Some(existing) => allow(rest, existing, &label).await?,
            None => {
                let created = create(rest, "/message_destinations", &destination.to_json(), &label).await?;
                allow(rest, &created, &label).await?;
                destinations.push(created);
                deployed.created.push(label);
            }
        }
    }
    let fields = definitions.fields.iter().map(ActivityField::to_json).collect();
    deployed.created.extend(create_fields(rest, "actioninvocation", "activity field", fields).await?);
    let fields = definitions.incident_fields.iter().map(IncidentField::to_json).collect();
    deployed.created.extend(create_fields(rest, "incident", "incident field", fields).await?);
    let rules = entities(rest.get("/actions").await?);
    for rule in definitions.rules.iter().filter(|rule| find(&rules, "name", rule.name()).is_none()) {
        let label = format!("rule {}", rule.name());
        let id = find(&destinations, "programmatic_name", rule.destination())
            .and_then(|found| found.get("id"))
            .ok_or_else(|| {
                Error::new(format_args!(
                    "{label} sends to `{}`, which its component does not define",
                    rule.destination()
                ))
            })?;
        create(rest, "/actions", &rule.to_json(id), &label).await?;
        deployed.created.push(label);
    }
    Ok(deployed)
}

/// Creates those of the fields that the type does not have yet; their names, with the kind in front.
async fn create_fields(rest: &Rest, type_name: &str, kind: &str, fields: Vec<Value>) -> Result<Vec<String>> {
    let mut created = Vec::new();
    if fields.is_empty() {
        return Ok(created);
    }
    let path = format!("/types/{type_name}/fields");
    let existing = entities(rest.get(&path).await?);
    for field in &fields {
        let name = field["name"].as_str().unwrap_or_default();
        if find(&existing, "name", name).is_none() {
            let label = format!("{kind} {name}");
            create(rest, &path, field, &label).await?;
            created.push(label);
        }
    }
    Ok(created)
}

/// Adds the acting account to those that may read a destination.
async fn allow(rest: &Rest, destination: &Value, label: &str) -> Result<()> {
    let (list, account) = match rest.account() {
        Account::ApiKey { handle } => ("api_keys", json!(handle)),
        Account::User { id } => ("users", json!(id)),
    };
    if destination[list].as_array().is_some_and(|allowed| allowed.contains(&account)) {
        return Ok(());
    }
    let path = format!("/message_destinations/{}", destination["id"]);
    let added = rest.update(&path, |object| match object[list].as_array_mut() {
        Some(allowed) if allowed.contains(&account) => {}
        Some(allowed) => allowed.push(account.clone()),
        None => object[list] = json!([account]),
    });
    added
        .await
        .map_err(|error| Error::from(error).context(format_args!("adding this account to {label}")))?;
    Ok(())
}

async fn create(rest: &Rest, path: &str, body: &Value, label: &str) -> Result<Value> {
    rest.post(path, body).await.map_err(|error| Error::from(error).context(format_args!("creating {label}")))
}

/// Lists come bare or under `entities`, depending on the endpoint and the platform's version.
fn entities(list: Value) -> Vec<Value> {
    match list {
        Value::Array(entities) => entities,
        Value::Object(mut object) => match object.remove("entities") {
            Some(Value::Array(entities)) => entities,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn find<'a>(entities: &'a [Value], key: &str, name: &str) -> Option<&'a Value> {
    entities.iter().find(|entity| entity.get(key).and_then(Value::as_str) == Some(name))
}
