//! The variables of templates: what a payload can use for each kind of event, and where the values come from.

use circuits::EventKind;
use circuits::config::nearest;
use serde_json::{Map, Value};

/// For every kind. `.*` allows anything below.
const ALWAYS: [&str; 10] = [
    "event.specversion",
    "event.id",
    "event.source",
    "event.type",
    "event.subject",
    "event.time",
    "event.datacontenttype",
    "event.data.*",
    "timestamp",
    "runner.id",
];
/// For what happens to an action: first the runner's words, then the platform's objects as they came in the
/// message.
const ACTION: [&str; 23] = [
    "message.id",
    "message.destination",
    "action.name",
    "action.function",
    "action.id",
    "action.attempt",
    "queue",
    "org.id",
    "incident.*",
    "task.*",
    "artifact.*",
    "note.*",
    "attachment.*",
    "milestone.*",
    "row.*",
    "emailmessage.*",
    "user.*",
    "principal.*",
    "properties.*",
    "inputs.*",
    "workflow.*",
    "workflow_instance.*",
    "playbook_instance.*",
];
const RESULT: [&str; 4] = ["result.message", "result.status", "result.took_ms", "error"];
const PROGRESS: [&str; 1] = ["progress.message"];
const WAITING: [&str; 3] = ["waiting.reason", "waiting.until", CALLBACK];
const SUBSCRIPTION: [&str; 4] =
    ["subscription.uuid", "subscription.name", "subscription.user", "subscription.error"];

/// The variable for which somebody must keep a token.
pub(crate) const CALLBACK: &str = "callback_url";

/// The variables of an event: the keys of its data, the whole event as `event`, its time as `timestamp`, and
/// `callback_url`.
pub fn variables(event: &Value, callback_url: Option<&str>) -> Value {
    let mut variables = event["data"].as_object().cloned().unwrap_or_else(Map::new);
    variables.insert("timestamp".to_owned(), event["time"].clone());
    variables.insert("event".to_owned(), event.clone());
    variables.insert(CALLBACK.to_owned(), callback_url.into());
    Value::Object(variables)
}

fn known(kind: EventKind) -> Vec<&'static str> {
    let own: &[&str] = match kind {
        EventKind::ActionCompleted
        | EventKind::ActionFailed
        | EventKind::ActionSetAside
        | EventKind::ActionAnswered => &RESULT,
        EventKind::ActionProgress => &PROGRESS,
        EventKind::ActionWaiting => &WAITING,
        EventKind::RunnerReady => &["destinations"],
        EventKind::RunnerStopping => &["held"],
        EventKind::DestinationSubscribed => &["destination"],
        EventKind::BrokerDisconnected => &["broker.reason"],
        EventKind::SubscriptionDisabled => &SUBSCRIPTION,
        _ => &[],
    };
    let action: &[&str] = if kind.is_action() { &ACTION } else { &[] };
    [&ALWAYS, action, own].concat()
}

fn knows(kind: EventKind, path: &str) -> bool {
    known(kind).into_iter().any(|pattern| {
        let (base, is_open) = pattern.strip_suffix(".*").map_or((pattern, false), |base| (base, true));
        let below =
            |path: &str, base: &str| path.strip_prefix(base).is_some_and(|rest| rest.starts_with('.'));
        base == path || below(base, path) || (is_open && below(path, base))
    })
}

/// What is wrong with a variable for this kind, or nothing.
pub(crate) fn fault(kind: EventKind, path: &str) -> Option<String> {
    if knows(kind, path) {
        return None;
    }
    let others: Vec<_> =
        EventKind::ALL.into_iter().filter(|other| knows(*other, path)).map(EventKind::name).collect();
    if !others.is_empty() {
        return Some(format!("{kind} has no {{{{ {path} }}}}; only {} has it", others.join(", ")));
    }
    let known: Vec<_> = known(kind).into_iter().map(|name| name.trim_end_matches(".*")).collect();
    let root = |path: &'static str| path.split('.').next().unwrap_or(path);
    let roots = known.iter().copied().map(root);
    if let Some(near) = nearest(path, known.iter().copied().chain(roots.clone())) {
        return Some(format!("{kind} has no {{{{ {path} }}}}; did you mean {{{{ {near} }}}}?"));
    }
    let top = path.split('.').next().unwrap_or(path);
    let mut near: Vec<_> = known.iter().copied().filter(|name| root(name) == top).collect();
    if near.is_empty() {
        near = roots.collect();
        near.dedup();
    }
    Some(format!("{kind} has no {{{{ {path} }}}}; it has {}", near.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_the_data_the_event_its_time_and_the_callback() {
        let time = "2024-01-01T00:00:00Z";
        let event = json!({"id": "7", "time": time, "data": {"queue": "q", "event": 1}});
        let url = "http://r/tmp/1";
        assert_eq!(
            variables(&event, Some(url)),
            json!({"queue": "q", "timestamp": time, "event": event, "callback_url": url})
        );
        assert_eq!(variables(&json!({}), None)["callback_url"], Value::Null);
    }

    #[test]
    fn what_is_below_an_object_of_the_platform_is_free_and_the_rest_is_fixed() {
        for path in ["incident", "incident.a.b", "event", "event.data", "event.data.x.y", "message", "error"]
        {
            assert_eq!(fault(EventKind::ActionFailed, path), None, "{path}");
        }
        for path in ["incidents_x", "event.nope", "message.id.x", "error.x", "queue.x", "eventdata"] {
            assert!(fault(EventKind::ActionFailed, path).is_some(), "{path}");
        }
        assert!(fault(EventKind::RunnerReady, "incident.id").is_some());
        assert_eq!(fault(EventKind::RunnerReady, "destinations"), None);
    }

    #[test]
    fn a_fault_says_where_the_variable_is_known_or_what_is_near() {
        let text = |kind, path| fault(kind, path).unwrap();
        assert_eq!(
            text(EventKind::ActionCompleted, "callback_url"),
            "action_completed has no {{ callback_url }}; only action_waiting has it"
        );
        assert_eq!(
            text(EventKind::ActionCompleted, "mesage.id"),
            "action_completed has no {{ mesage.id }}; did you mean {{ message.id }}?"
        );
        assert_eq!(
            text(EventKind::ActionCompleted, "message.content"),
            "action_completed has no {{ message.content }}; it has message.id, message.destination"
        );
        assert_eq!(
            text(EventKind::RunnerReady, "abracadabra"),
            "runner_ready has no {{ abracadabra }}; it has event, timestamp, runner, destinations"
        );
    }
}
