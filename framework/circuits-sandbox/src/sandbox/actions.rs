//! Firing rules and watching the outcome.
use bytes::Bytes;
use serde_json::Value;

use super::{Sandbox, refused};
use crate::api_error::ApiError;
use crate::broker::Publication;
use crate::error::{Error, Result};
use crate::invocation::{Invocation, InvocationId, Reply};
use crate::platform::{Kind, Outgoing, Received, State, Subject};

/// The object that a rule is fired on. A plain number is an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An incident.
    Incident(i64),
    /// A task.
    Task(i64),
    /// A note.
    Note(i64),
    /// An artifact.
    Artifact(i64),
    /// An attachment.
    Attachment(i64),
    /// An e-mail message, which belongs to no incident.
    EmailMessage(i64),
}

impl From<i64> for Target {
    fn from(incident: i64) -> Self {
        Self::Incident(incident)
    }
}

/// A message of a fired rule, for the caller's own broker.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The invocation that now waits for its reply.
    pub invocation: InvocationId,
    /// The destination, with `/queue/` in front.
    pub destination: String,
    /// The platform's headers, unescaped; the broker adds `message-id` and its own.
    pub headers: Vec<(String, String)>,
    /// The JSON.
    pub body: Bytes,
}

impl From<Composed> for Publication {
    /// The message for the sandbox's own broker.
    fn from(message: Composed) -> Self {
        let publication = Self::to(&message.destination);
        let headers = message.headers.iter();
        headers.fold(publication, |to, (name, value)| to.header(name, value)).body(message.body)
    }
}

impl From<Outgoing> for Composed {
    fn from(message: Outgoing) -> Self {
        let Outgoing { invocation, queue, headers, body, .. } = message;
        Self { invocation, destination: format!("/queue/{queue}"), headers, body }
    }
}

/// Rules and their invocations.
impl Sandbox {
    /// Fires a rule as a user does from the Actions menu, whatever its type; returns the (first) invocation.
    ///
    /// # Errors
    /// [`Error::is_unknown`] if there is no such rule, [`Error::is_refused`] if it does not apply.
    pub fn fire(&self, rule: &str, target: impl Into<Target>, properties: Value) -> Result<InvocationId> {
        let outgoing = self.invoke(rule, target.into(), &properties)?;
        let id = first(&outgoing)?;
        self.core.send(outgoing);
        Ok(id)
    }

    /// The message that [`Sandbox::fire`] would send, without sending it; its invocation is pending from now on.
    ///
    /// # Errors
    /// As [`Sandbox::fire`].
    pub fn compose(&self, rule: &str, target: impl Into<Target>, properties: Value) -> Result<Composed> {
        let outgoing = self.invoke(rule, target.into(), &properties)?;
        first(&outgoing)?;
        self.core.platform.announce(&outgoing);
        let message = outgoing.into_iter().next();
        message.map(Composed::from).ok_or_else(|| Error::refused("the rule has no message destination"))
    }

    /// Calls a function as a workflow does, with inputs in their wire format (a choice is `{"id": 1, "name": ".."}`). By
    /// convention, one of them is `incident_id`.
    ///
    /// # Errors
    /// [`Error::is_unknown`] if there is no such function, [`Error::is_refused`] if it has no message destination.
    pub fn call(&self, function: &str, inputs: Value) -> Result<InvocationId> {
        let called = {
            let mut state = self.core.platform.lock();
            let id = state.definitions.function_named(function).ok_or_else(|| {
                let known: Vec<&str> =
                    state.definitions.functions().filter_map(|one| one["name"].as_str()).collect();
                Error::unknown("function", function, format!("the platform has {known:?}"))
            })?;
            state.call(id, &inputs, &self.user()).map_err(refused)?
        };
        let id = called.invocation;
        self.core.send(vec![called]);
        Ok(id)
    }

    fn invoke(&self, rule: &str, target: Target, properties: &Value) -> Result<Vec<Outgoing>> {
        let mut state = self.core.platform.lock();
        let id = state.definitions.rule_named(rule).ok_or_else(|| {
            let known: Vec<&str> =
                state.definitions.rules().filter_map(|rule| rule["name"].as_str()).collect();
            Error::unknown("rule", rule, format!("the platform has {known:?}"))
        })?;
        let subject = subject(&state, target).map_err(refused)?;
        state.invoke(id, subject, properties, &self.user()).map_err(refused)
    }

    /// An invocation as it is now; `None` if there is no such invocation.
    #[must_use]
    pub fn invocation(&self, id: InvocationId) -> Option<Invocation> {
        self.core.platform.invocation(id)
    }

    /// All invocations, oldest first.
    #[must_use]
    pub fn invocations(&self) -> Vec<Invocation> {
        let state = self.core.platform.lock();
        state.invocations.all().map(crate::platform::Record::snapshot).collect()
    }

    /// Waits until an invocation has its final reply.
    pub async fn settled(&self, id: InvocationId) -> Invocation {
        self.until(id, |invocation| invocation.final_replies > 0).await
    }

    /// Waits until `holds` accepts an invocation, for example when it has an interim message or a second delivery.
    pub async fn until(&self, id: InvocationId, holds: impl Fn(&Invocation) -> bool) -> Invocation {
        self.core.platform.until(id, holds).await
    }

    /// Waits until this many invocations of a rule exist, and returns them; meant for rules that fire by themselves.
    pub async fn fired(&self, rule: &str, count: usize) -> Vec<Invocation> {
        let look = || {
            let all = self.invocations().into_iter().filter(|invocation| invocation.rule == rule);
            Some(all.collect::<Vec<_>>()).filter(|found| found.len() >= count)
        };
        self.core.platform.when(look).await
    }

    /// All replies with this `correlation-id`, including those that belong to no invocation.
    #[must_use]
    pub fn replies(&self, correlation_id: &str) -> Vec<Reply> {
        let state = self.core.platform.lock();
        state.invocations.replies(correlation_id).cloned().collect()
    }

    /// Waits until this many replies with this `correlation-id` have come, and returns them.
    pub async fn replied(&self, correlation_id: &str, count: usize) -> Vec<Reply> {
        let look = || Some(self.replies(correlation_id)).filter(|replies| replies.len() >= count);
        self.core.platform.when(look).await
    }

    /// Passes on a reply that was read from an external broker, with its headers unescaped.
    pub fn reply(&self, headers: Vec<(String, String)>, body: impl Into<Bytes>) {
        let next = self.core.platform.take_reply(Received::new(headers, body.into()));
        self.core.post(next);
    }

    /// The next message for the external broker, in order of firing. With the sandbox's own broker this waits forever.
    pub async fn next_message(&self) -> Composed {
        match self.messages.lock().await.recv().await {
            Some(message) => message.into(),
            None => std::future::pending().await,
        }
    }
}

fn first(outgoing: &[Outgoing]) -> Result<InvocationId> {
    let first = outgoing.first().map(|message| message.invocation);
    first.ok_or_else(|| Error::refused("the rule has no message destination"))
}

fn subject(state: &State, target: Target) -> std::result::Result<Subject, ApiError> {
    let (kind, id) = match target {
        Target::Incident(id) => (Kind::Incident, id),
        Target::Task(id) => (Kind::Task, id),
        Target::Note(id) => (Kind::Note, id),
        Target::Artifact(id) => (Kind::Artifact, id),
        Target::Attachment(id) => (Kind::Attachment, id),
        Target::EmailMessage(id) => (Kind::EmailMessage, id),
    };
    let incident = state.objects.incident_of(kind, id)?;
    Ok(Subject { incident, kind, id })
}
