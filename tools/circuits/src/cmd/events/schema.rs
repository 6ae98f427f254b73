//! `circuits events schema`: the types of events, and the JSON Schema of each.

use std::io::Write as _;

use anyhow::Context as _;
use circuits::EventKind;
use circuits_events::schema::{nearest, schema};

/// Arguments of `circuits events schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The type, such as `circuits.action.completed` or `action_completed`; without one, all types are listed.
    #[arg(value_name = "TYPE")]
    kind: Option<String>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    let Some(name) = args.kind else {
        for kind in EventKind::ALL {
            let about = schema(kind)["description"].as_str().unwrap_or_default().to_owned();
            let about = about.lines().next().unwrap_or_default();
            writeln!(out, "{:<22}  {:<31}  {about}", kind.name(), kind.event_type())?;
        }
        return Ok(());
    };
    let kind = EventKind::parse(&name).with_context(|| {
        let near = nearest(&name).map(|near| format!("; did you mean {}?", near.event_type()));
        let hint = near.unwrap_or_else(|| "; `circuits events schema` lists them".to_owned());
        format!("there is no type of event {name}{hint}")
    })?;
    writeln!(out, "{:#}", schema(kind))?;
    Ok(())
}
