//! The tour's lines, in colour on a terminal: what happened on the platform's side and on the runner's.

use anstyle::{AnsiColor, Style};
use circuits::signal::{
    AboutIncident, ActionCompleted, ActionFailed, ActionProgress, ActionResult, ActionSetAside,
    ActionStarted, BrokerDisconnected, DestinationSubscribed, Signal,
};
use circuits_sandbox::Event;

const PLATFORM: Style = AnsiColor::Cyan.on_default();
const RUNNER: Style = AnsiColor::Magenta.on_default();
const OTHER: Style = AnsiColor::Yellow.on_default();
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

/// Prints what the third system did.
pub(super) fn other(text: &str) {
    line("other", OTHER, PLAIN, text);
}

/// Prints what the runner did.
pub(super) fn runner(signal: &Signal) {
    match signal {
        Signal::DestinationSubscribed(DestinationSubscribed { destination }) => {
            line("runner", RUNNER, PLAIN, &format!("Subscribed to message destination {destination}"));
        }
        Signal::BrokerDisconnected(BrokerDisconnected { broker }) => {
            line("runner", RUNNER, BAD, &broker.reason)
        }
        Signal::ActionStarted(ActionStarted { about }) => {
            let rule = about.action.name.as_deref().unwrap_or("(unnamed)");
            line(
                "runner",
                RUNNER,
                PLAIN,
                &format!("handling \"{rule}\"{}", of_incident(about.incident.as_ref())),
            );
        }
        Signal::ActionProgress(ActionProgress { progress, .. }) => {
            line("runner", RUNNER, PLAIN, &format!("status: {}", progress.message));
        }
        Signal::ActionCompleted(ActionCompleted { result, .. }) => ended("done", GOOD, result),
        Signal::ActionFailed(ActionFailed { result, .. })
        | Signal::ActionSetAside(ActionSetAside { result, .. }) => ended("failed", BAD, result),
        Signal::ActionAnswered(_) => {
            line("runner", RUNNER, PLAIN, "reply confirmed by the broker, message acknowledged")
        }
        _ => {}
    }
}

fn ended(state: &str, style: Style, result: &ActionResult) {
    line("runner", RUNNER, style, &format!("{state} in {} ms: {}", result.took_ms, result.message));
}

fn of_incident(incident: Option<&AboutIncident>) -> String {
    incident.map_or_else(String::new, |incident| format!(" of incident {}", incident.id))
}

fn line(side: &str, side_style: Style, style: Style, text: &str) {
    anstream::println!("{side_style}{side:>8}{side_style:#} | {style}{text}{style:#}");
}
