//! One message in full, as text.

use std::io::{Result, Write};
use std::time::SystemTime;

use circuits::history::{Details, Occurrence};
use serde_json::Value;

use crate::event_log::{line, local, title};

pub(super) fn write(details: &Details, out: &mut impl Write) -> Result<()> {
    let event = &details.event;
    let since = |time: Option<SystemTime>| {
        time.map_or("-".to_owned(), |time| {
            let later = time.duration_since(event.arrived).unwrap_or_default();
            format!("{} (+{:.3} s)", local(time), later.as_secs_f64())
        })
    };
    let refused =
        if event.refused { "; the broker refused the reply, so the platform never had it" } else { "" };
    writeln!(out, "{}: {}{refused}", title(event), event.status.name())?;
    let mut field = |name: &str, value: &str| writeln!(out, "  {name:<12} {}", line(value));
    field("id", &event.id)?;
    field("destination", &event.destination)?;
    field("attempts", &event.attempts.to_string())?;
    field("arrived", &local(event.arrived))?;
    field("started", &since(event.started))?;
    field("finished", &since(event.finished))?;
    field("settled", &since(event.settled))?;
    field("reply", event.text.as_deref().unwrap_or("-"))?;
    if let Some(original) = event.rerun_of {
        field("runs again", &format!("#{original}"))?;
    }
    for rerun in &details.reruns {
        field("run again as", &format!("#{rerun}"))?;
    }
    if !details.steps.is_empty() {
        writeln!(out, "on the way")?;
    }
    for step in &details.steps {
        writeln!(out, "  {}  {}", since(Some(step.at)), line(&text(step)))?;
    }
    writeln!(out, "headers")?;
    for (name, value) in &details.headers {
        writeln!(out, "  {}: {}", line(name), line(value))?;
    }
    writeln!(out, "body")?;
    match &details.body {
        None => writeln!(out, "  (too large to keep)"),
        Some(body) => match serde_json::from_slice::<Value>(body) {
            // JSON escapes control characters by itself.
            Ok(json) => writeln!(out, "{json:#}"),
            Err(_) => writeln!(out, "  {}", line(&String::from_utf8_lossy(body))),
        },
    }
}

fn text(step: &Occurrence) -> String {
    if !step.is_call {
        return format!("status: {}", step.text);
    }
    let code = step.code.map_or("no answer".to_owned(), |code| code.to_string());
    format!("{} -> {code} in {} ms", step.text, step.took_ms.unwrap_or_default())
}
