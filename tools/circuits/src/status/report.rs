//! A report as JSON and as text.

use std::io::{Result, Write};
use std::time::SystemTime;

use circuits::Report;
use serde_json::{Value, json};

use crate::event_log::{line, utc};

/// Everything; `None` for a runner that is still starting.
pub(crate) fn as_json(report: Option<&Report>) -> Value {
    let mut value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "process": std::process::id(),
        "live": report.is_none_or(Report::is_live),
        "ready": report.is_some_and(Report::is_ready),
    });
    let Some(report) = report else {
        value["problems"] = json!(["it is starting: it has not logged in to the platform yet"]);
        return value;
    };
    let running = report.running.iter().map(|one| {
        json!({
            "message_id": one.message_id,
            "destination": one.destination,
            "rule": one.rule,
            "incident": one.incident,
            "since": utc(Some(one.since)),
            "seconds": seconds_since(one.since),
        })
    });
    let last_error =
        report.last_error.as_ref().map(|(time, text)| json!({"time": utc(Some(*time)), "text": text}));
    value["problems"] = report.stuck.iter().chain(&report.unready).cloned().collect();
    value["started"] = json!(utc(Some(report.started)));
    value["broker"] = json!(report.broker);
    value["destinations"] = json!(report.destinations);
    value["paused"] = report
        .paused
        .iter()
        .map(|(name, paused)| (name.clone(), json!({"since": utc(Some(paused.since)), "by": paused.by})))
        .collect();
    value["running"] = running.collect();
    value["waiting"] = json!(report.waiting);
    value["queued"] = json!(report.queued);
    value["handled"] = json!(report.handled);
    value["failed"] = json!(report.failed);
    value["counters"] = json!(report.counters);
    value["last_message"] = json!(utc(report.last_message));
    value["last_error"] = json!(last_error);
    value
}

fn seconds_since(time: SystemTime) -> u64 {
    SystemTime::now().duration_since(time).unwrap_or_default().as_secs()
}

/// Writes the report of [`as_json`] for people.
pub(crate) fn write(status: &Value, out: &mut impl Write) -> Result<()> {
    let text = |key: &str| status[key].as_str().unwrap_or("-").to_owned();
    let mut field = |name: &str, value: &str| writeln!(out, "{name:<13} {}", line(value));
    field(
        "process",
        &format!("{}, version {}, up since {}", status["process"], text("version"), text("started")),
    )?;
    field("broker", &text("broker"))?;
    for destination in status["destinations"].as_array().into_iter().flatten() {
        field("listens on", destination.as_str().unwrap_or_default())?;
    }
    for (destination, paused) in status["paused"].as_object().into_iter().flatten() {
        let said = |key: &str| paused[key].as_str().unwrap_or("?");
        field("paused", &format!("{destination} since {} by {}", said("since"), said("by")))?;
    }
    for one in status["running"].as_array().into_iter().flatten() {
        let rule = one["rule"].as_str().unwrap_or("(no rule known)");
        let incident = one["incident"].as_i64().map_or_else(String::new, |id| format!(" of incident {id}"));
        field("running", &format!("\"{rule}\"{incident} for {} s", one["seconds"]))?;
    }
    field("waiting", &format!("{} in defer, debounce and the like", status["waiting"]))?;
    field("queued", &format!("{} for a worker, or for their turn", status["queued"]))?;
    field("handled", &format!("{}, {} of them with an error", status["handled"], status["failed"]))?;
    for (name, count) in status["counters"].as_object().into_iter().flatten() {
        field("counted", &format!("{count} {name}"))?;
    }
    field("last message", &text("last_message"))?;
    if let Some(text) = status["last_error"]["text"].as_str() {
        field(
            "last error",
            &format!("{}: {text}", status["last_error"]["time"].as_str().unwrap_or_default()),
        )?;
    }
    let verdict = match (status["live"] == true, status["ready"] == true) {
        (true, true) => "ready",
        (true, false) => "not ready",
        (false, _) => "stuck",
    };
    field("state", verdict)?;
    for problem in status["problems"].as_array().into_iter().flatten() {
        field("", problem.as_str().unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_stand_in_the_column_of_the_other_values() {
        let mut status = as_json(None);
        status["counters"] = json!({"deliveries_dropped": 5, "webhooks_failed": 1});
        let mut out = Vec::new();
        write(&status, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "counted       5 deliveries_dropped",
            "counted       1 webhooks_failed",
            "state         not ready",
        ] {
            assert!(text.lines().any(|other| other == line), "{line:?} is not in:\n{text}");
        }
    }
}
