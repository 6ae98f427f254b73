//! Makes a rule fire through the REST API, the way a user would: a menu item by invoking it, an automatic rule by
//! changing the incident or, if it is one of tasks, by adding a task.

use anyhow::{Context as _, bail};
use circuits::Rest;
use serde_json::{Map, Value, json};

/// Values for a rule's fields, by API name.
pub(crate) type Values = [(String, String)];

/// Fires `rule` on `incident`, or on the newest object below it of the type that a menu item works on.
pub(crate) async fn fire(rest: &Rest, rule: &str, incident: i64, values: &Values) -> anyhow::Result<()> {
    let rules = rest.list("/actions").await?;
    let Some(found) = named(&rules, rule) else {
        // In quotes, so that leading and trailing blanks are visible.
        let names: Vec<_> = rules.iter().map(|rule| rule["name"].to_string()).collect();
        bail!("the platform has no rule named \"{rule}\"; it has: {}", names.join(", "));
    };
    // Type 1 is a menu item, 0 an automatic rule.
    if found["type"] == 1 {
        let mut body = json!({"action_id": found["id"], "properties": properties(rest, values).await?});
        if let Some((kind, list)) = below(&found["object_type"]) {
            let all = rest.list(&format!("/incidents/{incident}/{list}")).await?;
            let newest = all.iter().filter_map(|object| object["id"].as_i64()).max();
            let newest = newest.with_context(|| {
                format!("\"{rule}\" works on objects of type {kind}, and incident {incident} has none; add one to it")
            })?;
            body[format!("{kind}_id")] = newest.into();
        }
        rest.post::<_, Value>(&format!("/incidents/{incident}/action_invocations"), &body).await?;
    } else {
        if values.is_empty() {
            bail!(
                "\"{rule}\" is an automatic rule: it fires when its object changes; give the new value with --field name=value"
            );
        }
        // Type 1 again, but of objects this time: a task.
        if found["object_type"] == 1 {
            let task: Map<_, _> = values.iter().map(|(field, value)| (field.clone(), json!(value))).collect();
            rest.post::<_, Value>(&format!("/incidents/{incident}/tasks"), &task).await?;
            return Ok(());
        }
        let change = |object: &mut Value| {
            for (field, value) in values {
                let holder = if object["properties"].get(field).is_some() || object.get(field).is_none() {
                    &mut object["properties"]
                } else {
                    &mut *object
                };
                holder[field.as_str()] = json!(value);
            }
        };
        rest.update(&format!("/incidents/{incident}"), change).await?;
    }
    Ok(())
}

/// The name of an object type below incidents, and the path of the list of its objects.
fn below(object_type: &Value) -> Option<(&'static str, &'static str)> {
    Some(match object_type.as_i64()? {
        1 => ("task", "tasks"),
        2 => ("note", "comments"),
        3 => ("milestone", "milestones"),
        4 => ("artifact", "artifacts"),
        5 => ("attachment", "attachments"),
        _ => return None,
    })
}

/// The rule with exactly this name. Names may begin or end with blanks, which nobody sees: if no name is equal, it is the only
/// rule whose name differs in nothing else.
fn named<'a>(rules: &'a [Value], name: &str) -> Option<&'a Value> {
    let exact = rules.iter().find(|rule| rule["name"] == name);
    let close = |rule: &&Value| rule["name"].as_str().is_some_and(|other| other.trim() == name.trim());
    let mut close = rules.iter().filter(close);
    exact.or_else(|| close.next().filter(|_| close.next().is_none()))
}

/// The activity fields as the platform wants them: select values by id.
async fn properties(rest: &Rest, values: &Values) -> anyhow::Result<Map<String, Value>> {
    let mut properties = Map::new();
    if values.is_empty() {
        return Ok(properties);
    }
    let fields = rest.list("/types/actioninvocation/fields").await?;
    for (name, value) in values {
        let field = fields.iter().find(|field| field["name"] == name.as_str());
        let field = field.with_context(|| format!("the platform has no activity field named \"{name}\""))?;
        let choices = field["values"].as_array().filter(|choices| !choices.is_empty());
        let value = match choices {
            None => json!(value),
            Some(choices) => choices
                .iter()
                .find(|choice| choice["label"] == value.as_str())
                .map(|choice| choice["value"].clone())
                .with_context(|| {
                    let labels: Vec<_> =
                        choices.iter().filter_map(|choice| choice["label"].as_str()).collect();
                    format!("\"{value}\" is not a choice of \"{name}\"; there are: {}", labels.join(", "))
                })?,
        };
        properties.insert(name.clone(), value);
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use circuits::config::Config;
    use circuits_sandbox::{Rule, Sandbox};

    use super::*;

    #[tokio::test]
    async fn a_menu_item_works_on_the_newest_object_of_its_type() {
        let rule = Rule::menu_item("Run Query ").on_artifact().to("query");
        let sandbox = Sandbox::builder().rule(rule).start().await.unwrap();
        let config = Config::from_text(&sandbox.app_config()).unwrap();
        let rest = circuits::login(&config, |_| {}).await.unwrap();
        let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
        let refused = fire(&rest, "Run Query ", incident, &[]).await.unwrap_err().to_string();
        assert!(refused.contains("works on objects of type artifact, and incident"), "{refused}");
        let artifact = |value: &str| json!({"type": "String", "value": value});
        for value in ["old", "new"] {
            sandbox.create_artifact(incident, artifact(value)).unwrap();
        }
        fire(&rest, "Run Query ", incident, &[]).await.unwrap();
        let fired = sandbox.fired("Run Query ", 1).await;
        assert_eq!(fired[0].incident, incident);
        let listed = rest.list(&format!("/incidents/{incident}/action_invocations")).await.unwrap();
        let newest = sandbox.artifacts(incident).pop().unwrap();
        assert_eq!((&newest["value"], &listed[0]["object_id"]), (&json!("new"), &newest["id"]));
    }

    #[test]
    fn a_rule_is_found_by_its_exact_name_and_else_by_the_only_one_with_other_blanks() {
        let rules = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
        for (names, wanted, found) in [
            (&["Run Query", "Run Query "][..], "Run Query ", Some("Run Query ")),
            (&["Run Query ", "Run Query"], "Run Query", Some("Run Query")),
            (&["Run Query "], "Run Query", Some("Run Query ")),
            (&["Run Query"], " Run Query ", Some("Run Query")),
            (&["Run Query ", " Run Query"], "Run Query", None),
            (&["Run Query"], "run query", None),
        ] {
            let rules = rules(names);
            assert_eq!(
                named(&rules, wanted).map(|rule| &rule["name"]),
                found.map(Value::from).as_ref(),
                "{wanted:?}"
            );
        }
    }
}
