//! `circuits list`: the components that are linked into this binary, and what is known of them without a platform.

use std::io::{Result, Write};

use circuits::definitions::Definitions;
use circuits::{Registration, registrations};
use serde_json::{Value, json};

/// Arguments of `circuits list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// With section, message destinations, fields, rules and required keys of each.
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON: an array with everything that is known of each component.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let all = registrations();
    let mut out = anstream::stdout().lock();
    if args.json {
        let all: Vec<_> = all.iter().map(|one| as_json(one)).collect();
        writeln!(out, "{:#}", Value::from(all))?;
    } else {
        show(&all, args.verbose, &mut out)?;
    }
    Ok(())
}

fn as_json(one: &Registration) -> Value {
    let definitions = one.platform_definitions();
    let rules = definitions.rules().iter().map(|rule| {
        json!({
            "name": rule.name(),
            "automatic": rule.is_automatic(),
            "object": format!("{:?}", rule.object()).to_lowercase(),
            "destination": rule.destination(),
        })
    });
    json!({
        "name": one.name(),
        "version": version(one),
        "section": one.section(),
        "required_keys": one.required_keys(),
        "destinations": definitions.destinations().collect::<Vec<_>>(),
        "activity_fields": definitions.fields().collect::<Vec<_>>(),
        "incident_fields": definitions.incident_fields().collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn version(one: &Registration) -> Option<&str> {
    Some(one.component_version()).filter(|version| !version.is_empty())
}

fn show(all: &[&'static Registration], verbose: bool, out: &mut impl Write) -> Result<()> {
    if all.is_empty() {
        return writeln!(
            out,
            "No components are linked into this binary. Add `use components as _;` to its main.rs: a Cargo dependency alone \
             registers nothing."
        );
    }
    let width = all.iter().map(|one| one.name().chars().count()).max().unwrap_or_default();
    for one in all {
        let (name, version, definitions) =
            (one.name(), version(one).unwrap_or("-"), one.platform_definitions());
        if verbose {
            writeln!(out, "{name} {version}")?;
            details(one, &definitions, out)?;
        } else {
            let rules: Vec<_> = definitions.rules().iter().map(|rule| rule.name()).collect();
            writeln!(out, "{name:width$}  {version:<8}  {}", or(&rules, "(defines no rules)"))?;
        }
    }
    if verbose {
        writeln!(
            out,
            "Rules, destinations and fields are those that `circuits customize` creates. What a component makes of its settings \
             (other rules, queue=, fields it requires) is known when it is built with a platform: `circuits selftest`."
        )?;
    }
    Ok(())
}

fn details(one: &Registration, definitions: &Definitions, out: &mut impl Write) -> Result<()> {
    let mut line = |what: &str, values: &[&str]| writeln!(out, "  {what:<16} {}", or(values, "-"));
    line("section", &[one.section()])?;
    line("required keys", one.required_keys())?;
    line("destinations", &definitions.destinations().collect::<Vec<_>>())?;
    line("activity fields", &definitions.fields().collect::<Vec<_>>())?;
    line("incident fields", &definitions.incident_fields().collect::<Vec<_>>())?;
    let rules: Vec<_> = definitions
        .rules()
        .iter()
        .map(|rule| {
            let kind = if rule.is_automatic() { "automatic" } else { "menu item" };
            format!("{} ({kind} of {:?})", rule.name(), rule.object())
        })
        .collect();
    line("rules", &rules.iter().map(String::as_str).collect::<Vec<_>>())
}

fn or(values: &[&str], nothing: &str) -> String {
    if values.is_empty() { nothing.to_owned() } else { values.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuits::Error;
    use circuits::prelude::*;

    static A: Registration = Registration::new("add_task", |_| Err(Error::new("not built here")))
        .version("1.2.3")
        .config("[task_add]\nserver=x\n")
        .requires(&["server"])
        .definitions(|| {
            Definitions::new()
                .destination("tasks", "Tasks")
                .field(ActivityField::text("task_name", "Name"))
                .incident_field(IncidentField::text("last", "Last"))
                .rule(Rule::menu_item("Add Task", ObjectType::Incident, "tasks"))
                .rule(Rule::automatic("Task changed", ObjectType::Task, "tasks"))
        });
    static B: Registration = Registration::new("b", |_| Err(Error::new("not built here")));

    fn shown(all: &[&'static Registration], verbose: bool) -> String {
        let mut out = Vec::new();
        show(all, verbose, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_line_each_or_everything() {
        assert_eq!(
            shown(&[&A, &B], false),
            "add_task  1.2.3     Add Task, Task changed\nb         -         (defines no rules)\n"
        );
        let text = shown(&[&A], true);
        for line in [
            "add_task 1.2.3",
            "  section          task_add",
            "  required keys    server",
            "  destinations     tasks",
            "  activity fields  task_name",
            "  incident fields  last",
            "  rules            Add Task (menu item of Incident), Task changed (automatic of Task)",
        ] {
            assert!(text.lines().any(|other| other == line), "{line:?} is not in:\n{text}");
        }
        assert!(text.contains("circuits selftest"), "{text}");
        assert!(shown(&[], true).contains("use components as _;"));
    }

    #[test]
    fn json_has_it_all() {
        let value = as_json(&A);
        assert_eq!(value["rules"][1]["automatic"], json!(true));
        assert_eq!(value["rules"][1]["object"], json!("task"));
        assert_eq!((&value["section"], &value["required_keys"]), (&json!("task_add"), &json!(["server"])));
        assert_eq!(as_json(&B)["version"], Value::Null);
    }
}
