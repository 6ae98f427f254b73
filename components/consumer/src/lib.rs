//! Runs a program of a list in app.config, or a package `consumer.zip`, when a rule fires or a workflow
//! calls a function: with the message and files in one folder, and another whose files become
//! attachments. Programs run in bounds: see `process`.
//!
//! The bounds are those of Unix systems; on others this crate has no component.

#![cfg(unix)]

mod customize;
mod download;
mod entry;
mod names;
mod notification;
mod package;
mod process;
mod program;
mod scratch;
mod settings;
mod upload;

use std::sync::Arc;

use circuits::prelude::*;
use serde_json::{Value, json};

use crate::entry::{Caller, Entry};
use crate::process::Done;
use crate::scratch::Scratch;
use crate::settings::{Bounds, Environment};

circuits::register! {
    Registration::new("consumer", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

/// The programmatic name of the message destination, unless the section has another.
const QUEUE: &str = "consumer";

struct Consumer {
    bounds: Bounds,
    environment: Environment,
    /// The source of the events.
    source: String,
}

fn component(setup: &Setup) -> Result<Component> {
    let (lines, bounds, environment) = settings::read(setup)?;
    let queue = setup.section().and_then(|section| section.get("queue")).filter(|queue| !queue.is_empty());
    let source = notification::source(setup.rest().org_id(), queue.as_deref().unwrap_or(QUEUE));
    let consumer = Consumer { bounds, environment, source };
    let mut component = Component::builder(QUEUE, consumer).on_any(Consumer::refuse);
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let entry = entry::parse(line)
            .map_err(|error| error.context(format_args!("consumers in [consumer]: {line}")))?;
        let entry = Arc::new(entry);
        let caller = entry.caller.clone();
        let handler = move |consumer: Arc<Consumer>, action: Action| {
            let entry = Arc::clone(&entry);
            async move { consumer.run(&entry, &action).await }
        };
        component = match caller {
            Caller::Rule(rule) => component.on(rule, handler),
            Caller::Function(function) => component.function(function, handler),
        };
    }
    Ok(component.build())
}

impl Consumer {
    async fn run(&self, entry: &Entry, action: &Action) -> Result<Reply> {
        let event = notification::event(&self.source, action)?;
        if !entry.program.wants(&event) {
            let text =
                format!("Not for this consumer: the message does not match {}", entry.program.condition());
            return Ok(match &entry.caller {
                Caller::Rule(_) => Reply::completed(text),
                Caller::Function(_) => results(None, &text, None, &[]),
            });
        }
        let scratch = Scratch::new()?;
        let reply = self.consume(entry, action, &event, &scratch).await;
        // The program may have left many files.
        circuits::blocking(move || {
            drop(scratch);
            Ok(())
        })
        .await?;
        reply
    }

    async fn consume(
        &self,
        entry: &Entry,
        action: &Action,
        event: &Value,
        scratch: &Scratch,
    ) -> Result<Reply> {
        tokio::fs::write(scratch.source().join("notification.json"), event.to_string()).await?;
        download::all(action, entry.downloads, &scratch.downloads(), self.bounds).await?;
        let done = process::run(&entry.program, scratch, &self.environment, self.bounds).await?;
        let name = action.rule().unwrap_or("The program");
        match (&entry.caller, done.status.code()) {
            (_, Some(0)) => {
                let uploads = upload::all(action, &scratch.uploads(), self.bounds).await?;
                Ok(match entry.caller {
                    Caller::Rule(_) => Reply::completed(said(&done, &uploads)),
                    Caller::Function(_) => results(Some(0), &done.output, None, &uploads),
                })
            }
            // The workflow judges the exit status.
            (Caller::Function(_), code @ Some(_)) => {
                Ok(results(code, &done.output, Some(&done.complaint), &[]))
            }
            (Caller::Rule(_), Some(_)) | (_, None) => {
                let said = if done.complaint.is_empty() { "it printed no error" } else { &done.complaint };
                Err(Error::new(format_args!("{name} failed ({}): {said}", done.status)))
            }
        }
    }

    async fn refuse(self: Arc<Self>, action: Action) -> Result<Reply> {
        let rule = action.rule().unwrap_or("(unnamed)");
        Err(Error::new(format_args!(
            "There is no program for the rule \"{rule}\"; add a line \
             `{rule}: /path/to/program` to consumers in [consumer]"
        )))
    }
}

/// The text for the analyst.
fn said(done: &Done, uploads: &[String]) -> String {
    let line = process::last_line(&done.output);
    let line = if line.is_empty() { "Done".to_owned() } else { line };
    if uploads.is_empty() { line } else { format!("{line}; attached: {}", uploads.join(", ")) }
}

/// The results of a function; `exit` is null if the program did not run.
fn results(exit: Option<i32>, output: &str, error: Option<&str>, uploads: &[String]) -> Reply {
    Reply::results(json!({"exit": exit, "output": output, "error": error, "uploads": uploads}))
}
