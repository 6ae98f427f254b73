//! Firing: which rules a change sets off, and the message that each of them sends.
mod conditions;
mod message;
mod workflow;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

pub(super) use conditions::at;
pub(crate) use workflow::Course;

use self::conditions::Change;
use self::message::Sending;
use super::accounts::Accounts;
use super::definitions::Definitions;
use super::identity::Account;
use super::invocations::Invocations;
use super::kind::Kind;
use super::store::Objects;
use super::token::Tokens;
use crate::api_error::ApiError;
use crate::invocation::{InvocationId, Progress};

/// Who makes a change, and which rules it must not fire (those of the context token).
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) account: Account,
    pub(crate) skip: Vec<i64>,
}

/// The object that a rule works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// 0 if there is none.
    pub(crate) incident: i64,
    pub(crate) kind: Kind,
    pub(crate) id: i64,
}

/// A message that a fired rule sends.
pub(crate) struct Outgoing {
    pub(crate) invocation: InvocationId,
    /// The display name of the rule, or the API name of the function.
    pub(crate) rule: String,
    pub(crate) function: bool,
    /// 0 if there is none.
    pub(crate) incident: i64,
    /// `actions.<org>.<programmatic name>`.
    pub(crate) queue: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) progress: Arc<Progress>,
}

/// The parts that firing reads, and the one that it adds to.
pub(super) struct Firing<'a> {
    pub(super) accounts: &'a Accounts,
    pub(super) definitions: &'a Definitions,
    pub(super) objects: &'a Objects,
    pub(super) tokens: &'a Tokens,
    pub(super) invocations: &'a mut Invocations,
}

impl<'a> Firing<'a> {
    /// After a save: fires the automatic rules of the object's kind whose conditions hold.
    pub(super) fn saved(&mut self, subject: Subject, before: Option<&Value>, cause: &Cause) -> Vec<Outgoing> {
        let Ok((after, incident)) = self.about(subject) else { return Vec::new() };
        let change = Change { kind: subject.kind, before, after, incident };
        let due = self.definitions.rules().filter(|rule| {
            rule["type"] == 0
                && rule["enabled"] != false
                && rule["object_type"] == subject.kind as i64
                && self.definitions.types().conditions_hold(rule, &change)
        });
        let due = due.filter_map(|rule| rule["id"].as_i64()).filter(|id| !cause.skip.contains(id));
        let due: Vec<i64> = due.collect();
        let operation = if before.is_none() { "created" } else { "modified" };
        due.into_iter().flat_map(|id| self.send(id, subject, &Value::Null, operation, cause)).collect()
    }

    /// The object, and the incident it belongs to; null for a kind that belongs to no incident.
    fn about(&self, subject: Subject) -> Result<(&'a Value, &'a Value), ApiError> {
        let object = self.objects.find(subject.kind, subject.id)?;
        let incident = match self.objects.find(Kind::Incident, subject.incident) {
            Err(_) if subject.kind == Kind::EmailMessage => &Value::Null,
            found => found?,
        };
        Ok((object, incident))
    }

    /// A user chooses a rule in the Actions menu.
    pub(super) fn invoke(
        &mut self,
        rule_id: i64,
        subject: Subject,
        properties: &Value,
        cause: &Cause,
    ) -> Result<Vec<Outgoing>, ApiError> {
        let rule = self.definitions.rule(rule_id)?;
        let (object, incident) = self.about(subject)?;
        if rule["object_type"] != subject.kind as i64 {
            let (name, kind) = (&rule["name"], subject.kind.name());
            return Err(ApiError::bad(format!(
                "The rule {name} does not apply to an object of type {kind}."
            )));
        }
        let change = Change { kind: subject.kind, before: Some(object), after: object, incident };
        if rule["type"] == 1 && !self.definitions.types().conditions_hold(rule, &change) {
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
        let Ok(rule) = self.definitions.rule(rule_id).cloned() else { return Vec::new() };
        let body = Bytes::from(self.action_data(&rule, subject, properties, operation, cause).to_string());
        let mut skip = cause.skip.clone();
        skip.push(rule_id);
        let destinations = rule["message_destinations"].as_array().cloned().unwrap_or_default();
        let mut outgoing = Vec::new();
        for id in destinations.iter().filter_map(Value::as_i64) {
            let Ok(destination) = self.definitions.destination(id) else { continue };
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
}
