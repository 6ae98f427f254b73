//! The files of a new component.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::export::{Found, Handled};
use super::names::{member, state};

/// Paths, contents and descriptions.
pub(super) struct Plan(Vec<(String, String, &'static str)>);

impl Plan {
    pub(super) fn new(name: &str, found: &Found, framework: &str) -> Self {
        let ident = name.replace('-', "_");
        let mut files = vec![
            ("Cargo.toml".to_owned(), manifest(name, framework), "the crate, a workspace of its own"),
            ("src/lib.rs".to_owned(), component(name, found), "the component: its handlers"),
            ("src/main.rs".to_owned(), runner(&ident), "a runner of this component"),
            (
                "src/app.config".to_owned(),
                format!("[{ident}]\n# Settings of the component, with their defaults.\ngreeting=Hello\n"),
                "its section of app.config",
            ),
            ("src/customize.rs".to_owned(), customize(found), "what it needs on the platform"),
            ("tests/answers.rs".to_owned(), test(name, &ident, found), "an action, answered on the sandbox"),
            (".gitignore".to_owned(), "/target\n".to_owned(), ""),
        ];
        if let Some(export) = &found.export {
            files.push((
                "src/export.res".to_owned(),
                format!("{export}\n"),
                "the export that it was made from",
            ));
        }
        Self(files)
    }

    /// Writes them all into a folder that does not exist, or is empty.
    pub(super) fn write(&self, directory: &Path) -> anyhow::Result<Vec<(&str, &'static str)>> {
        match std::fs::read_dir(directory) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    bail!("{} is there already and not empty; name another folder", directory.display());
                }
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("looking into {}", directory.display()));
            }
            Err(_) => {}
        }
        for (name, content, _) in &self.0 {
            let path = directory.join(name);
            let folder = path.parent().unwrap_or(directory);
            let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, content));
            written.with_context(|| format!("writing {}", path.display()))?;
        }
        // The lengths of names differ, so format the files if rustfmt is installed.
        let sources = ["src/lib.rs", "src/customize.rs", "tests/answers.rs"].map(|name| directory.join(name));
        let _ =
            Command::new("rustfmt").args(["--edition", "2024"]).args(sources).stderr(Stdio::null()).status();
        Ok(self
            .0
            .iter()
            .filter(|(.., what)| !what.is_empty())
            .map(|(name, _, what)| (name.as_str(), *what))
            .collect())
    }
}

fn manifest(name: &str, framework: &str) -> String {
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
publish = false

# Stands on its own, wherever it is.
[workspace]

[dependencies]
circuits = {{ path = "{framework}/framework/circuits" }}
circuits-cli = {{ path = "{framework}/tools/circuits" }}
serde = {{ version = "1", features = ["derive"] }}
serde_json = "1"

[dev-dependencies]
circuits-testing = {{ path = "{framework}/framework/circuits-testing" }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread", "test-util"] }}
"#
    )
}

fn runner(ident: &str) -> String {
    format!(
        "//! A runner of this component: `cargo run -- run`, with every other command of `circuits` too.\n\nuse {ident} as _;\n\n\
         fn main() -> std::process::ExitCode {{\n    circuits_cli::main()\n}}\n"
    )
}

fn component(name: &str, found: &Found) -> String {
    let state = state(name);
    let mut text = format!(
        r#"//! The component `{name}`.

mod customize;

use std::sync::Arc;

use circuits::prelude::*;
use serde_json::{json_imports};

circuits::register! {{
    Registration::new("{name}", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}}

/// The settings in the component's section of app.config.
#[derive(serde::Deserialize)]
struct {state} {{
    greeting: String,
}}

fn component(setup: &Setup) -> Result<Component> {{
    Ok(Component::builder({destination:?}, setup.settings::<{state}>()?)
"#,
        destination = found.destination,
        json_imports = imports(found),
    );
    for rule in &found.rules {
        let _ = writeln!(text, "        .on({:?}, {state}::{})", rule.name, rule.method);
    }
    for function in &found.functions {
        let _ = writeln!(text, "        .function({:?}, {state}::{})", function.name, function.method);
    }
    text.push_str("        .build())\n}\n");
    for rule in &found.rules {
        text.push_str(&fields(rule, &format!("What the analyst filled in for \"{}\"", doc(&rule.name))));
    }
    for function in &found.functions {
        text.push_str(&fields(function, &format!("The inputs of `{}`", doc(&function.name))));
    }
    let methods: Vec<_> = found.rules.iter().map(method).chain(found.functions.iter().map(called)).collect();
    let _ = write!(text, "\nimpl {state} {{\n{}\n}}\n", methods.join("\n\n"));
    text
}

/// The items of serde_json that the component uses.
fn imports(found: &Found) -> &'static str {
    let mut fields = found.functions.iter().flat_map(|function| &function.fields);
    if found.rules.is_empty() && fields.all(|field| field.kind != "Value") { "json" } else { "{Value, json}" }
}

/// The struct of a rule's fields or a function's inputs.
fn fields(of: &Handled, about: &str) -> String {
    if of.fields.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n/// {about}.\n#[derive(serde::Deserialize, serde::Serialize)]\nstruct {} {{\n",
        of.struct_name
    );
    let mut used = HashSet::new();
    for field in &of.fields {
        let member = member(&field.name, &mut used);
        if member != field.name {
            let _ = writeln!(text, "    #[serde(rename = {:?})]", field.name);
        }
        let _ = writeln!(text, "    {member}: Option<{}>,", field.kind);
    }
    text.push_str("}\n");
    text
}

/// The handler of a function.
fn called(function: &Handled) -> String {
    let mut text = format!(
        "    /// Answers calls of `{}`.\n    async fn {}(self: Arc<Self>, {}action: Action) -> Result<Reply> {{\n",
        doc(&function.name),
        function.method,
        if function.fields.is_empty() { "_" } else { "" },
    );
    if function.fields.is_empty() {
        text.push_str("        let inputs = json!({});\n");
    } else {
        let _ = writeln!(text, "        let inputs: {} = action.inputs()?;", function.struct_name);
    }
    text.push_str(
        "        // Do the work here. Workflows and playbooks read the returned results as the function's output.\n        \
         Ok(Reply::results(json!({\"greeting\": self.greeting, \"inputs\": inputs})))\n    }",
    );
    text
}

/// A rule's name in a comment.
fn doc(name: &str) -> String {
    // The compiler refuses characters that change the direction of text.
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

fn method(rule: &Handled) -> String {
    let mut text = format!(
        "    /// Answers \"{}\".\n    async fn {}(self: Arc<Self>, action: Action) -> Result<Reply> {{\n",
        doc(&rule.name),
        rule.method
    );
    if rule.fields.is_empty() {
        text.push_str("        let note = json!({\"text\": self.greeting});\n");
    } else {
        let _ = write!(
            text,
            "        let fields: {} = action.fields()?;\n        let text = format!(\"{{}}: {{}}\", self.greeting, json!(fields));\n        let note = json!({{\"text\": text}});\n",
            rule.struct_name
        );
    }
    text.push_str(
        "        // Do the work here. The client sends the action's context token, so no rule fires itself.\n        \
         let path = format!(\"/incidents/{}/comments\", action.incident_id()?);\n        \
         action.rest().post::<_, Value>(&path, &note).await?;\n        \
         Ok(Reply::completed(\"Done\"))\n    }",
    );
    text
}

fn customize(found: &Found) -> String {
    let head = |imports: &str| {
        format!(
            "//! What the component needs on the platform; `circuits customize` creates it.\n\n\
             use circuits::definitions::{imports};\n\npub(crate) fn definitions() -> Definitions {{\n"
        )
    };
    if found.export.is_some() {
        let head = head("Definitions");
        return format!("{head}    Definitions::new().export(include_bytes!(\"export.res\"))\n}}\n");
    }
    let (rule, field) = (&found.rules[0], &found.rules[0].fields[0].name);
    let destination = &found.destination;
    let head = head("{Definitions, Field, ObjectType, Rule}");
    format!(
        "{head}    Definitions::new()\n        .destination({destination:?}, {:?})\n        \
         .activity_field(Field::text({field:?}, \"Word\"))\n        \
         .rule(\n            Rule::menu_item({:?}, ObjectType::Incident, {destination:?})\n                \
         .asks_for([{field:?}])\n                .try_with([({field:?}, \"example\")]),\n        )\n}}\n",
        rule.name, rule.name
    )
}

fn test(name: &str, ident: &str, found: &Found) -> String {
    let rule = found.rules.iter().find(|rule| rule.is_menu_item_of_incidents);
    let (work, uses) = match (rule, found.functions.first()) {
        (Some(rule), _) => (
            format!(
                "    let done = stage.fire({:?}, 2096, json!({{}})).await;\n    \
                 assert_eq!(done.status, Status::Completed, \"{{done:?}}\");\n    \
                 assert!(stage.sandbox().notes(2096)[0].to_string().contains(\"Hello\"));\n",
                rule.name
            ),
            true,
        ),
        (None, Some(function)) => (
            format!(
                "    let done = stage.call({:?}, json!({{}})).await;\n    \
                 assert_eq!(done.status, Status::Completed, \"{{done:?}}\");\n    \
                 assert_eq!(done.results().unwrap()[\"greeting\"], \"Hello\");\n",
                function.name
            ),
            true,
        ),
        (None, None) => (
            "    // None of the rules is a menu item of incidents, which could be fired here.\n".to_owned(),
            false,
        ),
    };
    let uses = match uses {
        true => "use circuits_testing::{Sandbox, Stage, Status};\nuse serde_json::json;\n",
        false => "use circuits_testing::{Sandbox, Stage};\n",
    };
    format!(
        r#"//! An action from the platform to its answer, on the sandbox.

{uses}use {ident} as _;

#[tokio::test(flavor = "multi_thread")]
async fn the_action_is_answered() {{
    let stage = Stage::start("{name}", Sandbox::builder().incident("Phishing")).await.unwrap();
{work}    stage.stop().await.unwrap();
}}
"#
    )
}
