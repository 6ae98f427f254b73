//! Gives a command to a runner and waits for its answer: for `circuits control`.

use std::time::Duration;

use bytes::Bytes;
use circuits::config::Config;
use circuits::{Error, Result, SideQueue};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::settings;

/// After how long an answer that nobody has taken is thrown away, in milliseconds.
const STALE: i64 = 10 * 60 * 1000;
/// What the ids of commands begin with.
const PREFIX: &str = "control-";

/// A command for [`ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Is the runner there?
    Heartbeat,
    /// Does the broker bring what is sent?
    BrokerCheck,
    /// Log from this level on.
    LoggingChange(&'a str),
    /// Stop in an orderly way, for this reason.
    Shutdown(&'a str),
    /// Begin nothing on this destination.
    Pause(&'a str),
    /// Go on there.
    Resume(&'a str),
}

impl Asked<'_> {
    fn message(self) -> Value {
        match self {
            Self::Heartbeat => {
                json!({"command": "Heartbeat", "metric": {}, "memoryPercent": 0, "cpuPercent": 0})
            }
            Self::BrokerCheck => json!({"command": "BrokerCheck"}),
            Self::LoggingChange(level) => json!({"command": "LoggingChange", "level": level}),
            Self::Shutdown(reason) => json!({"command": "Shutdown", "reason": reason}),
            Self::Pause(destination) => json!({"command": "Pause", "destination": destination}),
            Self::Resume(destination) => json!({"command": "Resume", "destination": destination}),
        }
    }
}

/// Gives a command to the runner whose `[control]` this configuration has, and returns its answer. Answers come on a queue of their
/// own, `<reply>.ask`. A command that no runner has taken after `patience` is void.
///
/// # Errors
/// When there is no control queue, the broker refuses what is needed, or no answer comes in time.
pub async fn ask(config: &Config, command: Asked<'_>, patience: Duration) -> Result<Value> {
    let asked = tokio::time::timeout(patience, converse(config, command, patience)).await;
    asked.unwrap_or_else(|_| {
        Err(Error::new(format_args!(
            "no answer came within {} s, and the command is void: the broker is away, no runner reads this control queue, or it is \
             too busy to answer",
            patience.as_secs()
        )))
    })
}

async fn converse(config: &Config, command: Asked<'_>, patience: Duration) -> Result<Value> {
    let settings = settings::read(config).map_err(|faults| Error::new(faults.join("\n")))?;
    let settings = settings.ok_or_else(|| {
        Error::new("there is no control queue: name one with queue= and reply= in [control]")
    })?;
    let answers = format!("{}.ask", settings.reply);
    let mut queue = SideQueue::open(config, &answers).await?;
    let sender = queue.sender();
    let now = Timestamp::now().as_millisecond();
    let id = format!("{PREFIX}{now}-{}", Uuid::new_v4());
    let body = command.message().to_string();
    let signed = settings.key.as_ref().and_then(|key| key.headers(&id, body.as_bytes()));
    let mut headers = vec![("reply-to", answers.as_str()), ("correlation-id", id.as_str())];
    // ActiveMQ knows the first, a time in milliseconds since 1970, and RabbitMQ the second, how many are left.
    let left = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
    let (expires, expiration) = (now.saturating_add(left).to_string(), left.to_string());
    headers.extend([("expires", expires.as_str()), ("expiration", expiration.as_str())]);
    headers.extend(signed.iter().flatten().map(|(name, value)| (*name, value.as_str())));
    sender.send(&settings.queue, &headers, Bytes::from(body)).await?;
    let answer = loop {
        let Some(message) = queue.receive().await else {
            return Err(Error::new("the connection to the broker was closed before the answer came"));
        };
        let correlation = message.header("correlation-id").unwrap_or_default();
        if correlation == id {
            sender.done(&message);
            break serde_json::from_slice(message.body())?;
        }
        // Others that ask at the same time get theirs back when this connection ends.
        let sent =
            correlation.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<i64>().ok());
        if sent.is_none_or(|sent| now - sent > STALE) {
            sender.done(&message);
        }
    };
    queue.close().await;
    Ok(answer)
}
