//! The running sandbox: where it listens, and what one does at the platform's screen.
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio_util::sync::DropGuard;

use crate::api_error::ApiError;
use crate::broker::{Broker, Publication, QueueStats};
use crate::builder::Builder;
use crate::core::{Core, Post};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::faults::Faults;
use crate::invocation::{Invocation, InvocationId, Reply};
use crate::net::Accept;
use crate::platform::{Cause, Kind, Outgoing, Received, State, Subject};
use crate::request::Request;

/// Where a sandbox is to be found.
pub(crate) struct Endpoints {
    pub(crate) host: String,
    pub(crate) rest_port: u16,
    pub(crate) stomp_port: u16,
    pub(crate) ca_pem: String,
    pub(crate) ca_file: PathBuf,
    /// Set when the broker is the caller's own.
    pub(crate) stomp_ca_file: Option<PathBuf>,
    /// Holds the CA file as long as the sandbox lives.
    pub(crate) _folder: tempfile::TempDir,
}

/// The logins that a sandbox accepts, at the broker and at the REST API.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Id of the API key account.
    pub api_key_id: String,
    /// Its secret.
    pub api_key_secret: String,
    /// The user's e-mail address.
    pub email: String,
    /// The user's password.
    pub password: String,
    /// Password of `admin`, who may use every queue of the broker but not the REST API.
    pub admin_password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, email) = (&self.api_key_id, &self.email);
        f.debug_struct("Credentials").field("api_key_id", id).field("email", email).finish_non_exhaustive()
    }
}

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
}

impl From<i64> for Target {
    fn from(incident: i64) -> Self {
        Self::Incident(incident)
    }
}

/// A message of a fired rule, for a broker of the caller's own.
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

impl From<Outgoing> for Composed {
    fn from(message: Outgoing) -> Self {
        let Outgoing { invocation, queue, headers, body, .. } = message;
        Self { invocation, destination: format!("/queue/{queue}"), headers, body }
    }
}

/// A running platform on loopback: STOMP broker, REST API and rule engine in this process.
///
/// Dropping it stops everything; [`Sandbox::shutdown`] also waits until it has stopped.
pub struct Sandbox {
    core: Arc<Core>,
    accept: Accept,
    endpoints: Endpoints,
    messages: Mutex<mpsc::UnboundedReceiver<Outgoing>>,
    _stop: DropGuard,
}

/// Starting, addresses, ending.
impl Sandbox {
    /// A sandbox with all defaults, to be changed and started.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(
        core: Arc<Core>,
        accept: Accept,
        endpoints: Endpoints,
        messages: mpsc::UnboundedReceiver<Outgoing>,
    ) -> Self {
        let stop = accept.stop.clone().drop_guard();
        Self { core, accept, endpoints, messages: Mutex::new(messages), _stop: stop }
    }

    /// The port of the REST API.
    #[must_use]
    pub fn rest_port(&self) -> u16 {
        self.endpoints.rest_port
    }

    /// The port of the broker; the external one's, if there is one.
    #[must_use]
    pub fn stomp_port(&self) -> u16 {
        self.endpoints.stomp_port
    }

    /// The base of the REST API, such as `https://localhost:4711`.
    #[must_use]
    pub fn url(&self) -> String {
        let host = &self.endpoints.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("https://{host}:{}", self.endpoints.rest_port)
    }

    /// The CA that signed the server certificate, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.endpoints.ca_pem
    }

    /// The same CA in a file, which exists as long as the sandbox.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.endpoints.ca_file
    }

    /// The logins it accepts.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let identity = self.core.platform.identity.clone();
        Credentials {
            api_key_id: identity.api_key_id,
            api_key_secret: identity.api_key_secret,
            email: identity.email,
            password: identity.password,
            admin_password: identity.admin_password,
        }
    }

    /// Id and name of the organisation.
    #[must_use]
    pub fn org(&self) -> (i64, &str) {
        let identity = &self.core.platform.identity;
        (identity.org_id, &identity.org_name)
    }

    /// A complete `[resilient]` section of an app.config that reaches this sandbox with the API key.
    #[must_use]
    pub fn app_config(&self) -> String {
        let Endpoints { host, rest_port, stomp_port, ca_file, stomp_ca_file, .. } = &self.endpoints;
        let Credentials { api_key_id, api_key_secret, .. } = self.credentials();
        let (_, org) = self.org();
        let mut text = format!(
            "[resilient]\nhost={host}\nport={rest_port}\nstomp_port={stomp_port}\napi_key_id={api_key_id}\n\
             api_key_secret={api_key_secret}\norg={org}\ncafile={}\n",
            ca_file.display()
        );
        if let Some(cafile) = stomp_ca_file {
            text.push_str(&format!("stomp_cafile={}\n", cafile.display()));
        }
        text
    }

    /// What happens from now on. A watcher that falls 4,096 events behind loses the oldest.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.core.platform.events.watch()
    }

    /// The fault switches.
    #[must_use]
    pub fn faults(&self) -> Faults {
        let (switches, platform) = (self.core.switches.clone(), self.core.platform.clone());
        Faults { switches, platform, broker: self.broker().ok().cloned() }
    }

    /// Stops listening, cuts all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.accept.stop.cancel();
        self.accept.tasks.close();
        self.accept.tasks.wait().await;
    }

    fn broker(&self) -> Result<&Arc<Broker>> {
        match &self.core.post {
            Post::Broker(broker) => Ok(broker),
            Post::Outbox(_) => {
                Err(Error::refused("the sandbox was started for an external broker and has none"))
            }
        }
    }
}

/// Rules and their invocations.
impl Sandbox {
    /// Fires a rule as a user does from the Actions menu, whatever its type; gives the (first) invocation.
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

    fn invoke(&self, rule: &str, target: Target, properties: &Value) -> Result<Vec<Outgoing>> {
        let mut state = self.core.platform.lock();
        let id = state.rule_named(rule).ok_or_else(|| {
            let known: Vec<&str> = state.rules.values().filter_map(|rule| rule["name"].as_str()).collect();
            Error::unknown("rule", rule, format!("the platform has {known:?}"))
        })?;
        let subject = subject(&state, target).map_err(refused)?;
        state.invoke(id, subject, properties, &self.user()).map_err(refused)
    }

    /// How an invocation stands; none if there is no such invocation.
    #[must_use]
    pub fn invocation(&self, id: InvocationId) -> Option<Invocation> {
        self.core.platform.invocation(id)
    }

    /// All invocations, oldest first.
    #[must_use]
    pub fn invocations(&self) -> Vec<Invocation> {
        let state = self.core.platform.lock();
        state.invocations.values().map(crate::platform::Record::snapshot).collect()
    }

    /// Waits until an invocation has its final reply.
    pub async fn settled(&self, id: InvocationId) -> Invocation {
        self.until(id, |invocation| invocation.final_replies > 0).await
    }

    /// Waits until an invocation is as asked for, such as having an interim message.
    pub async fn until(&self, id: InvocationId, holds: impl Fn(&Invocation) -> bool) -> Invocation {
        self.core.platform.until(id, holds).await
    }

    /// Waits until this many invocations of a rule exist, for rules that fire by themselves; gives them.
    pub async fn fired(&self, rule: &str, count: usize) -> Vec<Invocation> {
        let look = || {
            let all = self.invocations().into_iter().filter(|invocation| invocation.rule == rule);
            Some(all.collect::<Vec<_>>()).filter(|found| found.len() >= count)
        };
        self.core.platform.when(look).await
    }

    /// All replies with this `correlation-id`, those that no invocation claims included.
    #[must_use]
    pub fn replies(&self, correlation_id: &str) -> Vec<Reply> {
        let state = self.core.platform.lock();
        let found = state.replies.iter().filter(|(correlation, _)| correlation == correlation_id);
        found.map(|(_, reply)| reply.clone()).collect()
    }

    /// Waits until this many replies with this `correlation-id` came; gives them.
    pub async fn replied(&self, correlation_id: &str, count: usize) -> Vec<Reply> {
        let look = || Some(self.replies(correlation_id)).filter(|replies| replies.len() >= count);
        self.core.platform.when(look).await
    }

    /// Hands in a reply that was read from an external broker; headers unescaped.
    pub fn reply(&self, headers: Vec<(String, String)>, body: impl Into<Bytes>) {
        self.core.platform.take_reply(Received::new(headers, body.into()));
    }

    /// The next message for the external broker, in order of firing. With the sandbox's own broker it never comes.
    pub async fn next_message(&self) -> Composed {
        match self.messages.lock().await.recv().await {
            Some(message) => message.into(),
            None => std::future::pending().await,
        }
    }
}

/// Queues.
impl Sandbox {
    /// Puts a message on a queue as it is, sound or broken; gives its message id.
    ///
    /// # Errors
    /// [`Error::is_refused`] with an external broker.
    pub fn publish(&self, publication: Publication) -> Result<String> {
        Ok(self.broker()?.publish(publication, Arc::default()))
    }

    /// The full name of a destination's queue: `actions.<org>.<name>`.
    #[must_use]
    pub fn queue(&self, destination: &str) -> String {
        format!("actions.{}.{destination}", self.org().0)
    }

    /// How a queue stands; all zero for one that does not exist or with an external broker.
    #[must_use]
    pub fn queue_stats(&self, queue: &str) -> QueueStats {
        self.broker().map(|broker| broker.stats(queue)).unwrap_or_default()
    }

    /// Waits until nothing on the queue waits or is un-acked; at once with an external broker.
    pub async fn idle(&self, queue: &str) {
        self.queue_is(queue, |stats| stats.ready == 0 && stats.unacked == 0).await;
    }

    /// Waits until the queue has exactly this many consumers; at once with an external broker.
    pub async fn subscribed(&self, queue: &str, consumers: usize) {
        self.queue_is(queue, |stats| stats.consumers == consumers).await;
    }

    /// Waits until the queue is as asked for; at once with an external broker.
    pub async fn queue_is(&self, queue: &str, holds: impl Fn(QueueStats) -> bool) {
        if let Ok(broker) = self.broker() {
            broker.until(queue, holds).await;
        }
    }

    /// Restarts the broker as after a crash: connections cut, un-acked messages redelivered, non-persistent ones lost.
    ///
    /// # Errors
    /// [`Error::is_refused`] with an external broker.
    pub async fn restart_broker(&self) -> Result<()> {
        self.broker()?.restart().await;
        Ok(())
    }

    /// Opens a destination to the API key and the user, or closes it to both, as an administrator does.
    ///
    /// # Errors
    /// [`Error::is_unknown`] if there is no such destination.
    pub fn allow(&self, destination: &str, allowed: bool) -> Result<()> {
        let mut state = self.core.platform.lock();
        let id = state.destination_named(destination);
        let id = id.ok_or_else(|| Error::unknown("message destination", destination, "create it first"))?;
        state.grant(id, allowed);
        Ok(())
    }
}

/// Objects, as somebody at the platform's screen sees and changes them.
impl Sandbox {
    /// An incident in full; null if it does not exist.
    #[must_use]
    pub fn incident(&self, id: i64) -> Value {
        self.core.platform.lock().incident_json(id).unwrap_or_default()
    }

    /// The tasks of an incident.
    #[must_use]
    pub fn tasks(&self, incident: i64) -> Vec<Value> {
        self.below(Kind::Task, incident)
    }

    /// The artifacts of an incident.
    #[must_use]
    pub fn artifacts(&self, incident: i64) -> Vec<Value> {
        self.below(Kind::Artifact, incident)
    }

    /// The notes of an incident.
    #[must_use]
    pub fn notes(&self, incident: i64) -> Vec<Value> {
        self.below(Kind::Note, incident)
    }

    fn below(&self, kind: Kind, incident: i64) -> Vec<Value> {
        self.core.platform.lock().of_incident(kind, incident).into_iter().cloned().collect()
    }

    /// Creates an incident; automatic rules fire.
    ///
    /// # Errors
    /// [`Error::is_refused`] if a required field is missing or a value is not valid.
    pub fn create_incident(&self, fields: Value) -> Result<i64> {
        let (id, outgoing) = {
            let mut state = self.core.platform.lock();
            let incident = state.new_incident(fields, &self.user()).map_err(refused)?;
            state.create(Kind::Incident, incident, &self.user())
        };
        self.core.send(outgoing);
        Ok(id)
    }

    /// Changes fields of an incident; its version goes up and automatic rules fire.
    ///
    /// # Errors
    /// [`Error::is_refused`] if it does not exist or a value is not valid.
    pub fn edit_incident(&self, id: i64, fields: Value) -> Result<()> {
        let outgoing = {
            let mut state = self.core.platform.lock();
            let incident = state.changed(Kind::Incident, id, fields).map_err(refused)?;
            state.replace(Kind::Incident, id, incident, &self.user())
        };
        self.core.send(outgoing);
        Ok(())
    }

    /// The REST requests so far, oldest first; one left hanging by a fault has no status.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.core.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn user(&self) -> Cause {
        Cause { account: self.core.platform.identity.user(), skip: Vec::new() }
    }
}

fn refused(error: ApiError) -> Error {
    Error::refused(error.message)
}

fn first(outgoing: &[Outgoing]) -> Result<InvocationId> {
    let first = outgoing.first().map(|message| message.invocation);
    first.ok_or_else(|| Error::refused("the rule has no message destination"))
}

fn subject(state: &State, target: Target) -> std::result::Result<Subject, ApiError> {
    let (kind, id) = match target {
        Target::Incident(id) => return Ok(Subject { incident: id, kind: Kind::Incident, id }),
        Target::Task(id) => (Kind::Task, id),
        Target::Note(id) => (Kind::Note, id),
        Target::Artifact(id) => (Kind::Artifact, id),
        Target::Attachment(id) => (Kind::Attachment, id),
    };
    let incident = state.find(kind, id)?["inc_id"].as_i64().unwrap_or_default();
    Ok(Subject { incident, kind, id })
}
