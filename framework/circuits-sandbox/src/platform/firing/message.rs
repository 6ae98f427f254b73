//! The message of a fired rule: its invocation, its headers, and its body (ActionDataDTO).
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Cause, Course, Firing, Outgoing, Subject};
use crate::clock::{now, now_ms};
use crate::invocation::{InvocationId, Progress, Status};
use crate::platform::invocations::Record;
use crate::platform::kind::Kind;
use crate::platform::state::shown_incident;

/// The parts of which a message is built.
pub(super) struct Sending {
    /// The name of the rule or function.
    pub(super) name: String,
    pub(super) action_id: i64,
    pub(super) function: bool,
    /// The programmatic name.
    pub(super) destination: String,
    /// Whether the destination expects an acknowledgement.
    pub(super) expects: bool,
    pub(super) subject: Subject,
    pub(super) cause: Cause,
    pub(super) token: String,
    pub(super) body: Bytes,
    /// The workflow that continues after the reply.
    pub(super) then: Option<Course>,
}

impl Firing<'_> {
    /// Records the invocation that a message is for.
    pub(super) fn register(&mut self, sending: Sending) -> Outgoing {
        let Sending { name, action_id, function, destination, expects, subject, cause, token, body, then } =
            sending;
        let id = self.invocations.new_id();
        let progress = Arc::<Progress>::default();
        let record = Record {
            id,
            rule: name,
            action_id,
            subject,
            destination: destination.clone(),
            created: now(),
            principal: cause.account.principal(),
            // Without an expected acknowledgement the action counts as done at once (guide, "Acknowledgements").
            status: if expects { Status::Pending } else { Status::Completed },
            messages: Vec::new(),
            replies: Vec::new(),
            then,
            progress: progress.clone(),
        };
        let org = self.accounts.org_id();
        let headers = [
            ("reply-to", format!("/queue/acks.{org}.{destination}")),
            ("correlation-id", InvocationId(id).correlation_id()),
            ("Co3ContextToken", token),
            ("Co3MessagePayload", if function { "FunctionDataDTO" } else { "ActionDataDTO" }.to_owned()),
            ("Co3ContentType", "application/json".to_owned()),
            ("Co3RemoteAddr", "127.0.0.1".to_owned()),
            ("JMSXUserID", "SYSTEM".to_owned()),
            ("timestamp", now_ms().to_string()),
            ("persistent", "true".to_owned()),
            ("priority", "4".to_owned()),
            ("expires", "0".to_owned()),
        ];
        let outgoing = Outgoing {
            invocation: id.into(),
            rule: record.rule.clone(),
            function,
            incident: subject.incident,
            queue: format!("actions.{org}.{destination}"),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body,
            progress,
        };
        self.invocations.add(record);
        outgoing
    }

    pub(super) fn incident_json(&self, id: i64) -> Option<Value> {
        shown_incident(self.objects, self.definitions, id)
    }

    /// The body: ActionDataDTO.
    pub(super) fn action_data(
        &self,
        rule: &Value,
        subject: Subject,
        properties: &Value,
        operation: &str,
        cause: &Cause,
    ) -> Value {
        let mut objects = Map::new();
        let mut type_info = Map::new();
        for kind in Kind::ALL {
            let object = match kind {
                Kind::Incident => self.incident_json(subject.incident),
                _ if kind == subject.kind => self.objects.get(kind, subject.id).cloned(),
                // The message of a note or an attachment of a task contains the task too.
                Kind::Task => {
                    let task = self
                        .objects
                        .get(subject.kind, subject.id)
                        .and_then(|object| object["task_id"].as_i64());
                    task.and_then(|id| self.objects.get(Kind::Task, id)).cloned()
                }
                _ => None,
            };
            if let Some(info) = object
                .as_ref()
                .and_then(|o| self.definitions.types().type_info(kind.name(), o, self.accounts))
            {
                type_info.insert(kind.name().to_owned(), info);
            }
            // Other messages do not mention it.
            if kind == Kind::EmailMessage && object.is_none() {
                continue;
            }
            objects.insert(kind.name().to_owned(), object.unwrap_or(Value::Null));
        }
        let activity = json!({"properties": properties});
        if let Some(info) = self.definitions.types().type_info("actioninvocation", &activity, self.accounts) {
            type_info.insert("actioninvocation".to_owned(), info);
        }
        let user = cause.account.user_id().and_then(|id| self.accounts.user(id));
        let mut data = json!({
            "action_id": rule["id"],
            "type_id": subject.kind as i64,
            "object_type": subject.kind as i64,
            "operation_type": operation,
            "properties": properties,
            "user": user,
            "principal": cause.account.principal(),
            "type_info": type_info,
            "row": null,
            "workflow": null,
        });
        if let Value::Object(data) = &mut data {
            data.append(&mut objects);
        }
        data
    }
}
