//! Replies on the `acks` queues: matched by correlation id, read as JSON or plain text, appended to the invocation.
use bytes::Bytes;
use serde_json::Value;

use super::state::State;
use super::workflow::Course;
use crate::event::Event;
use crate::invocation::{InvocationId, Reply, Status, StatusMessage};

/// A SEND to an `acks` queue.
pub(crate) struct Received {
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Received {
    pub(crate) fn new(headers: Vec<(String, String)>, body: Bytes) -> Self {
        Self { headers, body }
    }
}

impl State {
    /// Records a reply; the event says what the user now sees, beside it is the workflow that goes on. A reply that matches
    /// nothing is only recorded.
    pub(crate) fn take_reply(
        &mut self,
        Received { headers, body }: Received,
    ) -> Option<(Event, Option<Course>)> {
        let mut reply = Reply { headers, body, results: None, complete: true };
        let message = read(&mut reply);
        let correlation = reply.header("correlation-id").unwrap_or_default().to_owned();
        self.replies.push((correlation.clone(), reply.clone()));
        let id = InvocationId::from_correlation(&correlation)?;
        let record = self.invocations.get_mut(&id.get())?;
        record.replies.push(reply);
        let event = Event::Status {
            invocation: id,
            rule: record.rule.clone(),
            text: message.text.clone(),
            error: message.error,
            complete: message.complete,
        };
        let mut then = None;
        if message.complete {
            // An error ends the workflow.
            then = record.then.take().filter(|_| !message.error);
            record.status = if message.error { Status::Error } else { Status::Completed };
        }
        record.messages.push(message);
        record.progress.changed.notify_waiters();
        Some((event, then))
    }
}

/// Reads the body: ActionAcknowledgementDTO if it is such JSON, else text with the header `Co3InvocationComplete`
/// (developer's guide, "Acknowledgements": the header counts for text only, and defaults to true).
fn read(reply: &mut Reply) -> StatusMessage {
    let time = crate::clock::now_ms();
    let json = serde_json::from_slice::<Value>(&reply.body).ok();
    if let Some(Value::Object(mut dto)) =
        json.filter(|v| v.get("message").is_some() || v.get("message_type").is_some())
    {
        reply.complete = dto.get("complete").and_then(Value::as_bool).unwrap_or(true);
        reply.results = dto.remove("results");
        let text = dto.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        let error = dto.get("message_type").and_then(Value::as_i64) == Some(1);
        return StatusMessage { text, error, complete: reply.complete, time };
    }
    let interim =
        reply.header("Co3InvocationComplete").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    reply.complete = !interim;
    StatusMessage { text: reply.text(), error: false, complete: reply.complete, time }
}
