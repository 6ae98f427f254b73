//! Invocations of rules and functions, and the replies on the `acks` queues: matched by correlation id, read as JSON or plain
//! text, appended to the invocation.
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::firing::{Course, Subject};
use super::ids::Ids;
use crate::event::Event;
use crate::invocation::{Invocation, InvocationId, Progress, Reply, Status, StatusMessage};

/// An invocation as stored.
pub(crate) struct Record {
    pub(super) id: i64,
    pub(super) rule: String,
    pub(super) action_id: i64,
    pub(super) subject: Subject,
    pub(super) destination: String,
    pub(super) created: Value,
    pub(super) principal: Value,
    pub(super) status: Status,
    pub(super) messages: Vec<StatusMessage>,
    pub(super) replies: Vec<Reply>,
    /// The workflow that continues after the final reply.
    pub(super) then: Option<Course>,
    pub(super) progress: Arc<Progress>,
}

impl Record {
    pub(crate) fn snapshot(&self) -> Invocation {
        Invocation {
            id: self.id.into(),
            rule: self.rule.clone(),
            action_id: self.action_id,
            incident: self.subject.incident,
            destination: self.destination.clone(),
            status: self.status,
            messages: self.messages.clone(),
            final_replies: self.replies.iter().filter(|reply| reply.complete).count(),
            replies: self.replies.clone(),
            deliveries: self.progress.deliveries(),
        }
    }

    /// The entry of the Action Status list.
    pub(crate) fn json(&self) -> Value {
        let messages = self.messages.iter().map(|message| {
            json!({"message": message.text, "message_type": i64::from(message.error),
                "complete": message.complete, "date": message.time})
        });
        json!({
            "id": self.id,
            "action": {"id": self.action_id, "name": self.rule},
            "object_type": self.subject.kind.name(),
            "object_id": self.subject.id,
            "create_date": self.created,
            "create_principal": self.principal,
            "status": self.status.as_str(),
            "messages": messages.collect::<Vec<_>>(),
        })
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }
}

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

/// All invocations, and all replies.
pub(crate) struct Invocations {
    records: BTreeMap<i64, Record>,
    /// Replies with their correlation ids, including those that matched no invocation.
    replies: Vec<(String, Reply)>,
    ids: Ids,
}

impl Invocations {
    pub(super) fn new(ids: Ids) -> Self {
        Self { records: BTreeMap::new(), replies: Vec::new(), ids }
    }

    /// A number for an invocation of a rule or function, or of a workflow.
    pub(super) fn new_id(&self) -> i64 {
        self.ids.next()
    }

    pub(super) fn add(&mut self, record: Record) {
        self.records.insert(record.id, record);
    }

    pub(crate) fn get(&self, id: InvocationId) -> Option<&Record> {
        self.records.get(&id.get())
    }

    /// All, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The invocations on an incident and on the objects below it, oldest first.
    pub(crate) fn of_incident(&self, incident: i64) -> impl Iterator<Item = &Record> {
        self.all().filter(move |record| record.subject.incident == incident)
    }

    /// All replies with this correlation id.
    pub(crate) fn replies(&self, correlation_id: &str) -> impl Iterator<Item = &Reply> {
        self.replies
            .iter()
            .filter(move |(correlation, _)| correlation == correlation_id)
            .map(|(_, reply)| reply)
    }

    /// Records a reply. Returns the event that shows what the user now sees, and the workflow that continues. A reply that
    /// matches no invocation is only recorded.
    pub(super) fn take_reply(
        &mut self,
        Received { headers, body }: Received,
    ) -> Option<(Event, Option<Course>)> {
        let mut reply = Reply { headers, body, results: None, complete: true };
        let message = read(&mut reply);
        let correlation = reply.header("correlation-id").unwrap_or_default().to_owned();
        self.replies.push((correlation.clone(), reply.clone()));
        let id = InvocationId::from_correlation(&correlation)?;
        let record = self.records.get_mut(&id.get())?;
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

/// Reads the body: ActionAcknowledgementDTO if it is such JSON, otherwise text with the header `Co3InvocationComplete`
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
