//! Firing: which rules a change sets off, and the message each of them sends.
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::rules::Change;
use super::state::{Kind, State, now};
use super::workflow::Course;
use crate::api_error::ApiError;
use crate::invocation::{Invocation, InvocationId, Progress, Reply, Status, StatusMessage};

/// Who makes a change, and which rules it must not fire (those of the context token).
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) account: Account,
    pub(crate) skip: Vec<i64>,
}

/// The object that a rule works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) incident: i64,
    pub(crate) kind: Kind,
    pub(crate) id: i64,
}

/// A message that a fired rule sends.
pub(crate) struct Outgoing {
    pub(crate) invocation: InvocationId,
    /// Or function.
    pub(crate) rule: String,
    pub(crate) function: bool,
    pub(crate) incident: i64,
    /// `actions.<org>.<programmatic name>`.
    pub(crate) queue: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) progress: Arc<Progress>,
}

/// What a message is made of.
pub(crate) struct Sending {
    /// Of the rule or function.
    pub(crate) name: String,
    pub(crate) action_id: i64,
    pub(crate) function: bool,
    /// The programmatic name.
    pub(crate) destination: String,
    /// Whether the destination expects an acknowledgement.
    pub(crate) expects: bool,
    pub(crate) subject: Subject,
    pub(crate) cause: Cause,
    pub(crate) token: String,
    pub(crate) body: Bytes,
    /// What goes on after the reply.
    pub(crate) then: Option<Course>,
}

/// An invocation as stored.
pub(crate) struct Record {
    id: i64,
    pub(crate) rule: String,
    action_id: i64,
    pub(crate) subject: Subject,
    destination: String,
    created: Value,
    principal: Value,
    pub(crate) status: Status,
    pub(crate) messages: Vec<StatusMessage>,
    pub(crate) replies: Vec<Reply>,
    /// The workflow that goes on after the final reply.
    pub(crate) then: Option<Course>,
    pub(crate) progress: Arc<Progress>,
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
}

impl State {
    /// After a save: fires the automatic rules of the object's kind whose conditions hold.
    pub(crate) fn saved(&mut self, subject: Subject, before: Option<Value>, cause: &Cause) -> Vec<Outgoing> {
        let (Some(after), Some(incident)) =
            (self.get(subject.kind, subject.id), self.get(Kind::Incident, subject.incident))
        else {
            return Vec::new();
        };
        let change = Change { kind: subject.kind, before: before.as_ref(), after, incident };
        let due = self.rules.iter().filter(|(id, rule)| {
            rule["type"] == 0
                && rule["enabled"] != false
                && rule["object_type"] == subject.kind as i64
                && !cause.skip.contains(id)
                && self.conditions_hold(rule, &change)
        });
        let due: Vec<i64> = due.map(|(id, _)| *id).collect();
        let operation = if before.is_none() { "created" } else { "modified" };
        due.into_iter().flat_map(|id| self.send(id, subject, &Value::Null, operation, cause)).collect()
    }

    /// A user chooses a rule in the Actions menu.
    pub(crate) fn invoke(
        &mut self,
        rule_id: i64,
        subject: Subject,
        properties: &Value,
        cause: &Cause,
    ) -> Result<Vec<Outgoing>, ApiError> {
        let rule = self.rules.get(&rule_id).ok_or_else(|| ApiError::missing("action", rule_id))?;
        let object = self.find(subject.kind, subject.id)?;
        let incident = self.find(Kind::Incident, subject.incident)?;
        if rule["object_type"] != subject.kind as i64 {
            let (name, kind) = (&rule["name"], subject.kind.name());
            return Err(ApiError::bad(format!(
                "The rule {name} does not apply to an object of type {kind}."
            )));
        }
        let change = Change { kind: subject.kind, before: Some(object), after: object, incident };
        if rule["type"] == 1 && !self.conditions_hold(rule, &change) {
            return Err(ApiError::bad(format!("The conditions of the rule {} do not hold.", rule["name"])));
        }
        let none = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
        if none(&rule["message_destinations"]) && none(&rule["workflows"]) {
            return Err(ApiError::bad(format!(
                "The rule {} has no message destination and no workflow.",
                rule["name"]
            )));
        }
        Ok(self.send(rule_id, subject, properties, "modified", cause))
    }

    /// One message and one invocation for each destination of the rule, and for the first function of each of its workflows.
    fn send(
        &mut self,
        rule_id: i64,
        subject: Subject,
        properties: &Value,
        operation: &str,
        cause: &Cause,
    ) -> Vec<Outgoing> {
        let rule = self.rules[&rule_id].clone();
        let body = Bytes::from(self.action_data(&rule, subject, properties, operation, cause).to_string());
        let mut skip = cause.skip.clone();
        skip.push(rule_id);
        let destinations = rule["message_destinations"].as_array().cloned().unwrap_or_default();
        let mut outgoing = Vec::new();
        for id in destinations.iter().filter_map(Value::as_i64) {
            let Some(destination) = self.destinations.get(&id) else { continue };
            let sending = Sending {
                name: rule["name"].as_str().unwrap_or_default().to_owned(),
                action_id: rule["id"].as_i64().unwrap_or_default(),
                function: false,
                destination: destination["programmatic_name"].as_str().unwrap_or_default().to_owned(),
                expects: destination["expect_ack"] != false,
                subject,
                cause: cause.clone(),
                token: self.tokens.issue(&skip),
                body: body.clone(),
                then: None,
            };
            outgoing.push(self.register(sending));
        }
        let cause = Cause { skip, ..cause.clone() };
        for workflow in rule["workflows"].as_array().into_iter().flatten() {
            outgoing.extend(self.start_workflow(workflow, subject, properties, &cause));
        }
        outgoing
    }

    /// Notes the invocation that a message is for.
    pub(super) fn register(&mut self, sending: Sending) -> Outgoing {
        let Sending { name, action_id, function, destination, expects, subject, cause, token, body, then } =
            sending;
        let id = self.new_id();
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
        let org = &self.org["id"];
        let headers = [
            ("reply-to", format!("/queue/acks.{org}.{destination}")),
            ("correlation-id", InvocationId(id).correlation_id()),
            ("Co3ContextToken", token),
            ("Co3MessagePayload", if function { "FunctionDataDTO" } else { "ActionDataDTO" }.to_owned()),
            ("Co3ContentType", "application/json".to_owned()),
            ("Co3RemoteAddr", "127.0.0.1".to_owned()),
            ("JMSXUserID", "SYSTEM".to_owned()),
            ("timestamp", crate::clock::now_ms().to_string()),
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
        self.invocations.insert(id, record);
        outgoing
    }

    /// The body: ActionDataDTO.
    fn action_data(
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
                _ if kind == subject.kind => self.get(kind, subject.id).cloned(),
                // A note or an attachment of a task brings its task along.
                Kind::Task => {
                    let task =
                        self.get(subject.kind, subject.id).and_then(|object| object["task_id"].as_i64());
                    task.and_then(|id| self.get(Kind::Task, id)).cloned()
                }
                _ => None,
            };
            if let Some(info) =
                object.as_ref().and_then(|o| self.types.type_info(kind.name(), o, &self.users))
            {
                type_info.insert(kind.name().to_owned(), info);
            }
            objects.insert(kind.name().to_owned(), object.unwrap_or(Value::Null));
        }
        let activity = json!({"properties": properties});
        if let Some(info) = self.types.type_info("actioninvocation", &activity, &self.users) {
            type_info.insert("actioninvocation".to_owned(), info);
        }
        let user = cause.account.user_id().and_then(|id| self.users.get(&id));
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
