//! `circuits list`: the components, extensions, listeners, kinds of store and of authentication that are linked into this binary, and what is known of them without a platform.

use std::io::{Result, Write};
use std::sync::Arc;

use circuits::account::auth_kinds;
use circuits::config::{Config, Sources};
use circuits::extension::{Extension, extensions};
use circuits::store::store_kinds;
use circuits::{Handled, Inspected, Kind, Listener, Registration, inspect, listeners, registrations};
use circuits_deploy::{Object, objects};
use serde_json::{Map, Value, json};

/// Arguments of `circuits list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// With all that each handles, in which combinators, what it defines on the platform, and what it requires.
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON: an array with everything that is known of each component.
    #[arg(long)]
    json: bool,
}

/// A component and what is known about it.
struct Known {
    registration: &'static Registration,
    /// What it handles, or why it cannot be built.
    handles: circuits::Result<Inspected>,
    /// The objects it defines, or what is wrong with its export.
    defines: circuits::Result<Vec<Object>>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let all = registrations();
    // Handlers may depend on settings. Without a usable file, the components' own defaults are good enough.
    let config = Sources::of_process().ok().and_then(|sources| Config::load(sources).ok()).map(Arc::new);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let inspected = runtime.block_on(inspect(&all, config.as_ref())).map_err(anyhow::Error::msg)?;
    let known: Vec<_> = all
        .into_iter()
        .zip(inspected)
        .map(|(registration, handles)| {
            let defines = objects(&registration.platform_definitions());
            Known { registration, handles, defines }
        })
        .collect();
    let mut out = anstream::stdout().lock();
    let extensions = extensions();
    if args.json {
        let all: Vec<_> = known
            .iter()
            .map(as_json)
            .chain(extensions.iter().map(|one| extension(one)))
            .chain(listeners().into_iter().map(listener))
            .chain(store_kinds().into_iter().map(|one| kind("store", one)))
            .chain(auth_kinds().into_iter().map(|one| kind("authentication", one)))
            .collect();
        writeln!(out, "{:#}", Value::from(all))?;
    } else {
        show(&known, args.verbose, &mut out)?;
        show_extensions(&extensions, &mut out)?;
        show_listeners(&listeners(), &mut out)?;
        show_kinds("Stores", &store_kinds(), &mut out)?;
        show_kinds("Authentication", &auth_kinds(), &mut out)?;
    }
    Ok(())
}

fn kind<Open: Copy>(what: &str, one: &Kind<Open>) -> Value {
    json!({"kind": what, "name": one.name(), "about": one.purpose()})
}

fn show_kinds<Open: Copy>(title: &str, all: &[&'static Kind<Open>], out: &mut impl Write) -> Result<()> {
    if !all.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    let width = all.iter().map(|one| one.name().chars().count()).max().unwrap_or_default();
    all.iter().try_for_each(|one| writeln!(out, "{:width$}  {}", one.name(), one.purpose()))
}

fn extension(one: &Extension) -> Value {
    json!({"kind": "extension", "name": one.name(), "version": shown(one.extension_version()), "about": one.purpose()})
}

fn listener(one: &Listener) -> Value {
    json!({"kind": "listener", "name": one.name(), "of": one.kind().name()})
}

fn show_listeners(all: &[&'static Listener], out: &mut impl Write) -> Result<()> {
    if !all.is_empty() {
        writeln!(out, "\nListeners")?;
    }
    let width = all.iter().map(|one| one.name().chars().count()).max().unwrap_or_default();
    all.iter().try_for_each(|one| writeln!(out, "{:width$}  hears of {}", one.name(), one.kind()))
}

fn show_extensions(all: &[&'static Extension], out: &mut impl Write) -> Result<()> {
    if !all.is_empty() {
        writeln!(out, "\nExtensions")?;
    }
    let width = all.iter().map(|one| one.name().chars().count()).max().unwrap_or_default();
    for one in all {
        let version = shown(one.extension_version()).unwrap_or("-");
        writeln!(out, "{:width$}  {version:<8}  {}", one.name(), one.purpose())?;
    }
    Ok(())
}

fn as_json(one: &Known) -> Value {
    let handled = |all: &[Handled]| -> Value {
        all.iter().map(|one| json!({"name": one.name, "combinators": one.combinators})).collect()
    };
    let handles = match &one.handles {
        Ok(handles) => json!({
            "destination": handles.destination,
            "rules": handled(&handles.rules),
            "functions": handled(&handles.functions),
            "every_other_rule": handles.every_other_rule,
            "web": handles.web,
            "required_fields": handles.required_fields,
        }),
        Err(error) => json!({"error": error.to_string()}),
    };
    let defines = match &one.defines {
        Ok(objects) => {
            let mut kinds = Map::new();
            for Object { kind, name } in objects {
                if let Value::Array(names) = kinds.entry(kind.clone()).or_insert_with(|| json!([])) {
                    names.push(json!(name));
                }
            }
            Value::Object(kinds)
        }
        Err(error) => json!({"error": error.to_string()}),
    };
    json!({
        "kind": "component",
        "name": one.registration.name(),
        "version": version(one.registration),
        "section": one.registration.section(),
        "required_keys": one.registration.required_keys(),
        "handles": handles,
        "defines": defines,
    })
}

fn version(one: &Registration) -> Option<&str> {
    shown(one.component_version())
}

fn shown(version: &str) -> Option<&str> {
    Some(version).filter(|version| !version.is_empty())
}

fn show(all: &[Known], verbose: bool, out: &mut impl Write) -> Result<()> {
    if all.is_empty() {
        return writeln!(
            out,
            "No components are linked into this binary. Add `use components as _;` to its main.rs: a Cargo dependency alone \
             registers nothing."
        );
    }
    let width = all.iter().map(|one| one.registration.name().chars().count()).max().unwrap_or_default();
    for one in all {
        let (name, version) = (one.registration.name(), version(one.registration).unwrap_or("-"));
        if verbose {
            writeln!(out, "{name} {version}")?;
            details(one, out)?;
        } else {
            writeln!(out, "{name:width$}  {version:<8}  {}", summary(one))?;
        }
    }
    Ok(())
}

/// What it handles, in a line.
fn summary(one: &Known) -> String {
    let Ok(handles) = &one.handles else {
        let rules = one.registration.platform_definitions();
        let rules: Vec<_> = rules.rules().iter().map(|rule| rule.name()).collect();
        return or(&rules, "(known when its settings are complete)");
    };
    let names = |all: &[Handled]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let mut all = names(&handles.rules);
    all.extend(handles.functions.iter().map(|one| format!("{}()", one.name)));
    if handles.every_other_rule.is_some() {
        all.push("every other rule".to_owned());
    }
    all.extend(handles.web.iter().map(|path| format!("HTTP {path}")));
    all.join(", ")
}

fn details(one: &Known, out: &mut impl Write) -> Result<()> {
    let mut line = |what: &str, text: &str| writeln!(out, "  {what:<21} {}", text.replace('\n', " "));
    line("section", one.registration.section())?;
    line("required keys", &or(one.registration.required_keys(), "-"))?;
    match &one.handles {
        Ok(handles) => {
            line("listens on", &handles.destination)?;
            for (what, all) in [("handles rule", &handles.rules), ("handles function", &handles.functions)] {
                for one in all {
                    line(what, &format!("{}{}", one.name, within(&one.combinators)))?;
                }
            }
            if let Some(combinators) = &handles.every_other_rule {
                line("handles rule", &format!("every other one{}", within(combinators)))?;
            }
            for path in &handles.web {
                line("answers HTTP under", path)?;
            }
            line("required fields", &or(&handles.required_fields, "-"))?;
        }
        Err(error) => line("handles", &format!("(known when its settings are complete) {error}"))?,
    }
    match &one.defines {
        Ok(objects) if objects.is_empty() => line("defines", "-"),
        Ok(objects) => objects.chunk_by(|one, other| one.kind == other.kind).try_for_each(|same| {
            let names: Vec<_> = same.iter().map(|one| one.name.as_str()).collect();
            line(&format!("defines {}", same[0].kind), &names.join(", "))
        }),
        Err(error) => line("defines", &format!("(its export cannot be used) {error}")),
    }
}

fn within(combinators: &[String]) -> String {
    if combinators.is_empty() { String::new() } else { format!(" ({})", combinators.join(" > ")) }
}

fn or<T: AsRef<str>>(values: &[T], nothing: &str) -> String {
    let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
    if values.is_empty() { nothing.to_owned() } else { values.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use circuits::definitions::{Definitions, Field, Function, ObjectType, Rule};
    use circuits::prelude::*;

    async fn work(_: Arc<()>, _: Action) -> circuits::Result<Reply> {
        Ok("".into())
    }

    fn build(_: &Setup) -> circuits::Result<Component> {
        let quiet = Duration::from_secs(2);
        Ok(Component::builder("tasks", ())
            .on("Add Task", work)
            .on("Task changed", debounce(quiet, timeout(quiet, work)).newest())
            .function("count_tasks", work)
            .requires_field("last", "text")
            .web(circuits::web::axum::Router::new())
            .build())
    }

    static A: Registration = Registration::new("add_task", build)
        .version("1.2.3")
        .config("[task_add]\nserver=x\n")
        .definitions(|| {
            Definitions::new()
                .destination("tasks", "Tasks")
                .activity_field(Field::text("task_name", "Name"))
                .function(
                    Function::new("count_tasks", "Count tasks", "tasks")
                        .input(Field::number("incident_id", "Incident")),
                )
                .rule(Rule::menu_item("Add Task", ObjectType::Incident, "tasks"))
                .rule(Rule::automatic("Task changed", ObjectType::Task, "tasks"))
        });
    static B: Registration = Registration::new("b", |_| Err(Error::new("no server")))
        .config("[b]\nserver=\n")
        .requires(&["server"]);

    fn known(all: &[&'static Registration]) -> Vec<Known> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let inspected = runtime.block_on(inspect(all, None)).unwrap();
        let known = |(one, handles): (&&'static Registration, _)| Known {
            registration: one,
            handles,
            defines: objects(&one.platform_definitions()),
        };
        all.iter().zip(inspected).map(known).collect()
    }

    fn shown(all: &[Known], verbose: bool) -> String {
        let mut out = Vec::new();
        show(all, verbose, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_line_each_or_everything() {
        let all = known(&[&A, &B]);
        assert_eq!(
            shown(&all, false),
            "add_task  1.2.3     Add Task, Task changed, count_tasks(), HTTP /add_task\nb         -         (known when its settings are complete)\n"
        );
        let text = shown(&all, true);
        for line in [
            "add_task 1.2.3",
            "  section               task_add",
            "  listens on            tasks",
            "  handles rule          Add Task",
            "  handles rule          Task changed (debounce 2s newest > timeout 2s)",
            "  handles function      count_tasks",
            "  answers HTTP under    /add_task",
            "  required fields       incident field last (text)",
            "  defines message destination tasks",
            "  defines activity field task_name",
            "  defines function input incident_id",
            "  defines function      count_tasks",
            "  defines rule          Add Task, Task changed",
            "  required keys         server",
        ] {
            assert!(text.lines().any(|other| other == line), "{line:?} is not in:\n{text}");
        }
        assert!(text.contains("'server' is mandatory and is not set"), "{text}");
        assert!(shown(&[], true).contains("use components as _;"));
    }

    circuits::listener! { "audit", circuits::signal::ActionCompleted => hear }
    circuits::listener! { "pager", circuits::signal::ActionFailed => hear }

    async fn hear<T>(_: T) {}

    #[test]
    fn a_listener_is_shown_with_what_it_hears_of() {
        let all = listeners();
        let mut out = Vec::new();
        show_listeners(&all, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\nListeners\naudit  hears of action_completed\npager  hears of action_failed\n"
        );
        assert_eq!(listener(all[1]), json!({"kind": "listener", "name": "pager", "of": "action_failed"}));
    }

    #[test]
    fn kinds_of_store_are_shown_with_where_they_keep_records() {
        let mut out = Vec::new();
        show_kinds("Stores", &store_kinds(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "\nStores\nmemory  until the process ends\nsqlite  in a file (store_file)\n");
    }

    #[test]
    fn json_has_it_all() {
        let all = known(&[&A, &B]);
        let value = as_json(&all[0]);
        assert_eq!(value["handles"]["rules"][1]["combinators"], json!(["debounce 2s newest", "timeout 2s"]));
        assert_eq!(value["handles"]["functions"][0]["name"], json!("count_tasks"));
        assert_eq!(value["defines"]["rule"], json!(["Add Task", "Task changed"]));
        assert_eq!((&value["section"], &value["version"]), (&json!("task_add"), &json!("1.2.3")));
        let value = as_json(&all[1]);
        assert_eq!((&value["version"], &value["required_keys"]), (&Value::Null, &json!(["server"])));
        assert!(value["handles"]["error"].as_str().unwrap().contains("mandatory"), "{value}");
    }
}
