//! The section `[control]` of app.config.

use std::time::Duration;

use circuits::config::Config;
use serde::Deserialize;

use crate::signature::Key;

/// The section's name.
const SECTION: &str = "control";

/// What the section says.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where commands come from.
    pub(crate) queue: String,
    /// Where answers to commands go that name no `reply-to`.
    pub(crate) reply: String,
    /// How many requests to components run at a time.
    pub(crate) at_a_time: usize,
    /// How long one may take.
    pub(crate) timeout: Duration,
    /// What signs commands, if only signed ones count.
    pub(crate) key: Option<Key>,
    /// After how long without a heartbeat the runner looks whether the broker is there.
    pub(crate) heartbeat: Option<Duration>,
    /// Whether it then stops.
    pub(crate) stop_when_missed: bool,
}

#[derive(Deserialize)]
#[serde(default)]
struct Keys {
    queue: String,
    reply: String,
    max_requests: usize,
    request_timeout: u64,
    secret: Option<String>,
    heartbeat_timeout: u64,
    missed_heartbeat: Missed,
}

/// What to do when heartbeats stay away.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Missed {
    Reconnect,
    Shutdown,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            queue: String::new(),
            reply: String::new(),
            // As in tcex 4.0: a pool of five, and 30 seconds for the body of an answer.
            max_requests: 5,
            request_timeout: 30,
            secret: None,
            heartbeat_timeout: 0,
            missed_heartbeat: Missed::Reconnect,
        }
    }
}

/// The settings, if there is to be a control queue; or all that is wrong with them.
pub(crate) fn read(config: &Config) -> Result<Option<Settings>, Vec<String>> {
    let section = config.section_or_empty(SECTION);
    if !section.is_present() {
        return Ok(None);
    }
    let keys: Keys = section.settings().map_err(|error| vec![error.to_string()])?;
    if keys.queue.is_empty() && keys.reply.is_empty() {
        return Ok(None);
    }
    let mut faults = Vec::new();
    let mut refuse = |key: &str, text: &str| {
        let origin = section.origin(key).map(|origin| format!("{origin}: ")).unwrap_or_default();
        faults.push(format!("{origin}[{SECTION}] `{key}`: {text}"));
    };
    for (key, value) in [("queue", &keys.queue), ("reply", &keys.reply)] {
        if value.is_empty() {
            refuse(
                key,
                "must name a queue, such as circuits.201.runner1.control and circuits.201.runner1.status",
            );
        }
    }
    if !keys.queue.is_empty() && keys.queue == keys.reply {
        refuse("reply", "must not be the queue of the commands: the runner would answer itself");
    }
    if !config.settings().stomp {
        refuse("queue", "is of no use with stomp=false");
    }
    if !(1..=1000).contains(&keys.max_requests) {
        refuse("max_requests", "must be from 1 to 1000");
    }
    if !(1..=600).contains(&keys.request_timeout) {
        refuse("request_timeout", "must be from 1 to 600 seconds");
    }
    if !(0..=86_400).contains(&keys.heartbeat_timeout) {
        refuse("heartbeat_timeout", "must be from 1 to 86400 seconds, or 0 for none");
    }
    let key = keys.secret.as_deref().map(Key::new).transpose().unwrap_or_else(|text| {
        refuse("secret", text);
        None
    });
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Some(Settings {
        queue: keys.queue,
        reply: keys.reply,
        at_a_time: keys.max_requests,
        timeout: Duration::from_secs(keys.request_timeout),
        key,
        heartbeat: (keys.heartbeat_timeout > 0).then(|| Duration::from_secs(keys.heartbeat_timeout)),
        stop_when_missed: matches!(keys.missed_heartbeat, Missed::Shutdown),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(lines: &str) -> Result<Option<Settings>, Vec<String>> {
        read(
            &Config::from_text(&format!(
                "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\n{lines}\n"
            ))
            .unwrap(),
        )
    }

    #[test]
    fn it_is_off_unless_a_queue_is_named() {
        assert!(settings("").unwrap().is_none());
        assert!(settings("[control]").unwrap().is_none());
        let on = settings("[control]\nqueue=a\nreply=b").unwrap().unwrap();
        assert_eq!(
            (on.queue.as_str(), on.reply.as_str(), on.at_a_time, on.timeout.as_secs()),
            ("a", "b", 5, 30)
        );
    }

    #[test]
    fn wrong_values_are_refused_with_their_place() {
        for (lines, says) in [
            ("queue=a", "`reply`: must name a queue"),
            ("reply=a", "`queue`: must name a queue"),
            ("queue=a\nreply=a", ":7: [control] `reply`: must not be"),
            ("queue=a\nreply=b\nmax_requests=0", "`max_requests`: must be from 1 to 1000"),
            ("queue=a\nreply=b\nrequest_timeout=601", "`request_timeout`: must be from 1 to 600"),
            ("queue=a\nreply=b\nheartbeat_timeout=86401", "`heartbeat_timeout`: must be from 1 to 86400"),
            ("queue=a\nreply=b\nmissed_heartbeat=panic", "missed_heartbeat"),
            ("queue=a\nreply=b\nsecret=short", "`secret`: must be whsec_"),
            ("queue=a\nreplay=b", "did you mean `reply`?"),
        ] {
            let faults = settings(&format!("[control]\n{lines}")).unwrap_err().join("\n");
            assert!(faults.contains(says), "{lines}: {faults}");
        }
        let off = settings("stomp=false\n[control]\nqueue=a\nreply=b").unwrap_err().join("\n");
        assert!(off.contains("stomp=false"), "{off}");
    }
}
