//! Runs a command line from a list in app.config when a rule fires, with the action message on its standard input, and puts
//! its output into a note or an attachment of the incident.
//!
//! Shows handlers that are made from settings, a closure for each rule, and how to run a foreign program so that the content
//! of a message can do no harm: see `command_line` and `process`.

mod command_line;
mod customize;
mod process;

use std::sync::Arc;
use std::time::Duration;

use circuits::prelude::*;
use circuits::rest::Upload;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::command_line::CommandLine;
use crate::process::Limits;

circuits::register! {
    Registration::new("shell", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

/// The section `[shell]`.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    commands: String,
    /// Seconds.
    time_limit: u64,
    /// Bytes.
    max_output: usize,
    output: Output,
}

/// Where a command's output goes.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Output {
    Note,
    Attachment,
}

impl Default for Settings {
    fn default() -> Self {
        Self { commands: String::new(), time_limit: 60, max_output: 1_000_000, output: Output::Note }
    }
}

struct Shell {
    limits: Limits,
    output: Output,
}

fn component(setup: &Setup) -> Result<Component> {
    let Settings { commands, time_limit, max_output, output } = setup.settings()?;
    for (key, allowed, most) in [
        ("time_limit", (1..=86_400).contains(&time_limit), 86_400),
        ("max_output", (1..=10_000_000).contains(&max_output), 10_000_000),
    ] {
        if !allowed {
            return Err(Error::new(format_args!("{key} in [shell] must be in the range 1 to {most}")));
        }
    }
    let limits = Limits { time: Duration::from_secs(time_limit), output: max_output };
    let shell = Shell { limits, output };
    let mut component = Component::builder("shell", shell).on_any(Shell::refuse);
    for line in commands.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (rule, command) = command_line::parse(line)
            .map_err(|error| error.context(format_args!("commands in [shell]: {line}")))?;
        let command = Arc::new(command);
        component = component.on(rule, move |shell: Arc<Shell>, action: Action| {
            let command = Arc::clone(&command);
            async move { shell.run(&command, &action).await }
        });
    }
    Ok(component.build())
}

impl Shell {
    async fn run(&self, command: &CommandLine, action: &Action) -> Result<Reply> {
        let rule = action.rule().unwrap_or("the command");
        let message = action.message().as_json();
        let arguments = command.fill(&serde_json::from_str(message)?)?;
        let done = process::run(&arguments, message.as_bytes(), self.limits).await?;
        if !done.status.success() {
            let said = if done.complaint.is_empty() { "it printed no error" } else { &done.complaint };
            return Err(Error::new(format_args!("{rule} failed ({}): {said}", done.status)));
        }
        if done.output.trim_ascii().is_empty() {
            return Ok(Reply::completed(format!("{rule} is done; it had no output")));
        }
        let mut output = done.output;
        if done.cut {
            output.extend(format!("\n(cut off after {} bytes)", self.limits.output).into_bytes());
        }
        let incident = format!("/incidents/{}", action.incident_id()?);
        let place = match self.output {
            Output::Note => {
                // Send it as text: the output of a program must not be read as HTML.
                let text = String::from_utf8_lossy(&output);
                let note = json!({"text": {"format": "text", "content": text}});
                action.rest().post::<_, Value>(&format!("{incident}/comments"), &note).await?;
                "a note"
            }
            Output::Attachment => {
                let file = Upload::bytes(output).name(format!("{}.txt", rule.replace('/', "_")));
                action.rest().upload::<Value>(&format!("{incident}/attachments"), &file).await?;
                "an attachment"
            }
        };
        Ok(Reply::completed(format!("{rule} is done; its output is in {place}")))
    }

    async fn refuse(self: Arc<Self>, action: Action) -> Result<Reply> {
        let rule = action.rule().unwrap_or("(unnamed)");
        Err(Error::new(format_args!(
            "There is no command for the rule \"{rule}\"; add a line `{rule}: /path/to/program` to commands in [shell]"
        )))
    }
}
