//! A message as the log of events shows it, in short and in full, and as JSON.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Status {
    /// It has arrived, but its handler has not begun.
    Waiting,
    /// Its handler is at work, or was when the process ended.
    Running,
    /// Its reply is known, but the broker has not confirmed it yet.
    Finished,
    /// Answered: completed.
    Completed,
    /// Answered: with an error.
    Failed,
    /// Set aside, after it brought the process down too often or by somebody, and not run again since.
    Dead,
}

impl Status {
    /// Every status, in the order of a message's way.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Running, Self::Finished, Self::Completed, Self::Failed, Self::Dead];

    /// The status in one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

/// Which messages to list; by default all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that arrived at this time or later.
    pub since: Option<SystemTime>,
    /// Those that arrived before this time.
    pub until: Option<SystemTime>,
    /// Those of the rule with exactly this name.
    pub rule: Option<String>,
    /// Those about this incident.
    pub incident: Option<i64>,
    /// Those with this status.
    pub status: Option<Status>,
    /// Those that came from one of these destinations, by their full names (`actions.<org>.<name>`).
    pub destinations: Option<Vec<String>>,
    /// Those that a list, newest first, shows below the message with this number: the next page.
    pub before: Option<i64>,
}

/// One message, without its content.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its number in this journal.
    pub number: i64,
    /// Its id: the broker's, or one made for a message that was run again.
    pub id: String,
    /// The full name of the destination that it came from, `actions.<org>.<name>`.
    pub destination: String,
    /// The rule that fired; known once the handler has begun.
    pub rule: Option<String>,
    /// The incident; known once the handler has begun.
    pub incident: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// How often its handler began, less the attempts that were taken back when it waited or was stopped in an orderly way; 1
    /// for a message that succeeded at once.
    pub attempts: u32,
    /// When it first arrived.
    #[serde(serialize_with = "utc")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub arrived: SystemTime,
    /// When its handler last began.
    #[serde(serialize_with = "utc_if_known")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub started: Option<SystemTime>,
    /// When its reply was known.
    #[serde(serialize_with = "utc_if_known")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub finished: Option<SystemTime>,
    /// When the broker had confirmed the reply.
    #[serde(serialize_with = "utc_if_known")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub settled: Option<SystemTime>,
    /// Whether the broker refused the reply for good, so that the platform never had it.
    pub refused: bool,
    /// The text of its reply.
    pub text: Option<String>,
    /// The number of the message that this one runs again.
    pub rerun_of: Option<i64>,
}

/// One message with all that is known of it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Details {
    /// The message.
    #[serde(flatten)]
    pub event: Event,
    /// Its STOMP headers, without the context token, which is a secret.
    pub headers: Vec<(String, String)>,
    /// Its body as it came; `None` for one that was too large to keep. In JSON it is JSON if it can be read as such, otherwise text.
    #[serde(serialize_with = "content")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub body: Option<Vec<u8>>,
    /// What happened on the way, in order.
    pub steps: Vec<Occurrence>,
    /// The numbers of the messages that run it again.
    pub reruns: Vec<i64>,
}

/// Something that happened while a message was handled.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Occurrence {
    /// When it happened.
    #[serde(serialize_with = "utc")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: SystemTime,
    /// Whether it was a call to the platform; in JSON, `kind` is then `call`, otherwise `status`.
    #[serde(rename = "kind", serialize_with = "kind")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub is_call: bool,
    /// The text of a status, or method and path of a call to the platform.
    pub text: String,
    /// What the platform answered to the call, if it did.
    pub code: Option<u16>,
    /// Milliseconds that the call took.
    pub took_ms: Option<i64>,
}

/// A time as in JSON: RFC 3339, UTC, to the millisecond; `None` for one that no calendar has.
pub fn rfc3339(time: SystemTime) -> Option<String> {
    Some(format!("{:.3}", Timestamp::try_from(time).ok()?))
}

pub(super) fn utc<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    rfc3339(*time).serialize(to)
}

fn utc_if_known<S: Serializer>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
    time.and_then(rfc3339).serialize(to)
}

fn kind<S: Serializer>(is_call: &bool, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(if *is_call { "call" } else { "status" })
}

fn content<S: Serializer>(body: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    let body = body.as_ref().map(|body| {
        serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned()))
    });
    body.serialize(to)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_written_with_its_times_in_utc_and_its_body_as_it_can_be_read() {
        let at = UNIX_EPOCH + Duration::from_millis(1_767_225_600_005);
        let event = Event {
            number: 7,
            id: "m".to_owned(),
            destination: "actions.201.q".to_owned(),
            rule: Some("<b>Rule</b>".to_owned()),
            incident: None,
            status: Status::Dead,
            attempts: 1,
            arrived: at,
            started: Some(at),
            finished: None,
            settled: None,
            refused: false,
            text: None,
            rerun_of: Some(3),
        };
        let step = Occurrence { at, is_call: true, text: "GET /x".to_owned(), code: None, took_ms: Some(5) };
        for (body, shown) in
            [(Some(&b"{\"a\":1}"[..]), json!({"a": 1})), (Some(b"<a/>"), json!("<a/>")), (None, Value::Null)]
        {
            let details = Details {
                event: event.clone(),
                headers: vec![("reply-to".to_owned(), "/queue/acks".to_owned())],
                body: body.map(<[u8]>::to_vec),
                steps: vec![step.clone()],
                reruns: vec![9],
            };
            let expected = json!({
                "number": 7, "id": "m", "destination": "actions.201.q", "rule": "<b>Rule</b>", "incident": null,
                "status": "dead", "attempts": 1, "arrived": "2026-01-01T00:00:00.005Z",
                "started": "2026-01-01T00:00:00.005Z", "finished": null, "settled": null, "refused": false,
                "text": null, "rerun_of": 3, "headers": [["reply-to", "/queue/acks"]], "body": shown,
                "steps": [{"at": "2026-01-01T00:00:00.005Z", "kind": "call", "text": "GET /x", "code": null, "took_ms": 5}],
                "reruns": [9],
            });
            // As text, so that the order counts too.
            assert_eq!(serde_json::to_value(details).unwrap().to_string(), expected.to_string());
        }
    }
}
