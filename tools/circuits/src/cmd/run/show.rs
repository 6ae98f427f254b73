//! The tour's lines, in colour on a terminal: what happened on the platform's side and on the runner's.

use anstyle::{AnsiColor, Style};
use circuits::Signal;
use circuits_sandbox::Event;

const PLATFORM: Style = AnsiColor::Cyan.on_default();
const RUNNER: Style = AnsiColor::Magenta.on_default();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const PLAIN: Style = Style::new();

/// Prints a line about the tour itself.
pub(super) fn say(text: &str) {
    anstream::println!("{text}");
}

/// Prints what the platform's user or administrator would see.
pub(super) fn platform(event: &Event) {
    match event {
        Event::RuleFired { rule, incident, queue, .. } => {
            line(
                "platform",
                PLATFORM,
                PLAIN,
                &format!("rule \"{rule}\" fired on incident {incident}, message queued on {queue}"),
            );
        }
        Event::FunctionCalled { function, queue, .. } => {
            line(
                "platform",
                PLATFORM,
                PLAIN,
                &format!("function \"{function}\" called, message queued on {queue}"),
            );
        }
        Event::Status { rule, text, error, complete, .. } => {
            let (state, style) = match (error, complete) {
                (true, _) => ("ERROR", BAD),
                (false, true) => ("COMPLETED", GOOD),
                (false, false) => ("pending", PLAIN),
            };
            line("platform", PLATFORM, style, &format!("action status of \"{rule}\": {state}: {text}"));
        }
        Event::Rest { method, path, status } if method != "GET" || *status >= 400 => {
            line("platform", PLATFORM, PLAIN, &format!("{method} {path} -> {status}"));
        }
        _ => {}
    }
}

/// Prints what the runner did.
pub(super) fn runner(signal: &Signal) {
    match signal {
        Signal::Subscribed { destination } => {
            line("runner", RUNNER, PLAIN, &format!("Subscribed to message destination {destination}"));
        }
        Signal::Disconnected { reason } => line("runner", RUNNER, BAD, reason),
        Signal::Started { rule, incident, .. } => {
            let rule = rule.as_deref().unwrap_or("(unnamed)");
            line("runner", RUNNER, PLAIN, &format!("handling \"{rule}\"{}", of_incident(incident.as_ref())));
        }
        Signal::Status { text, .. } => line("runner", RUNNER, PLAIN, &format!("status: {text}")),
        Signal::Finished { error, text, took, .. } => {
            let (state, style) = if *error { ("failed", BAD) } else { ("done", GOOD) };
            line("runner", RUNNER, style, &format!("{state} in {} ms: {text}", took.as_millis()));
        }
        Signal::Settled { .. } => {
            line("runner", RUNNER, PLAIN, "reply confirmed by the broker, message acknowledged")
        }
        _ => {}
    }
}

fn of_incident(id: Option<&i64>) -> String {
    id.map_or_else(String::new, |id| format!(" of incident {id}"))
}

fn line(side: &str, side_style: Style, style: Style, text: &str) {
    anstream::println!("{side_style}{side:>8}{side_style:#} | {style}{text}{style:#}");
}
