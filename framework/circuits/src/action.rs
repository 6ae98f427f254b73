//! One action as a handler sees it: the message, its headers, a REST client that carries its context token, and a way to
//! report progress.

use std::sync::Arc;
use std::time::Duration;

use circuits_rest::Rest;
use circuits_stomp::Headers;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::callback::Callbacks;
use crate::delivery::seat::Seat;
use crate::message::{ActionMessage, CONTEXT_TOKEN, Principal, TypeInfo, User};
use crate::{Error, Reply, Result};

/// One delivered action. Cheap to clone.
#[derive(Clone)]
pub struct Action {
    inner: Arc<Inner>,
}

/// The parts of an action.
pub(crate) struct Inner {
    pub(crate) key: String,
    pub(crate) rule: Option<String>,
    pub(crate) message: ActionMessage,
    pub(crate) headers: Headers,
    pub(crate) rest: Rest,
    pub(crate) seat: Arc<Seat>,
    pub(crate) cancel: CancellationToken,
    pub(crate) status: Box<dyn Fn(Reply) + Send + Sync>,
    pub(crate) callbacks: Callbacks,
}

impl Action {
    /// A key that is the same for every delivery of this message and differs for every other message: an idempotency key for
    /// systems that take one.
    pub fn key(&self) -> &str {
        &self.inner.key
    }

    /// The display name of the rule that fired, if the platform knows it; for a function call, the name of the function.
    pub fn rule(&self) -> Option<&str> {
        self.inner.rule.as_deref()
    }

    /// The whole message.
    pub fn message(&self) -> &ActionMessage {
        &self.inner.message
    }

    /// The STOMP header of this name that the message came with.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers.get(name)
    }

    /// The token that tells the platform which rule not to run again; [`rest`](Self::rest) sends it automatically.
    pub fn context_token(&self) -> Option<&str> {
        self.header(CONTEXT_TOKEN)
    }

    /// A REST client whose every request carries this action's context token.
    pub fn rest(&self) -> &Rest {
        &self.inner.rest
    }

    /// Tells the analyst how far the work has come; the action stays pending. Best effort: it is lost while the broker is away.
    pub fn status(&self, text: impl Into<String>) {
        (self.inner.status)(Reply::status(text));
    }

    /// Waits until somebody answers under this action's callback URL, which a webhook on `action_waiting` passes on as
    /// `callback_url`. Meanwhile the action stays pending and occupies neither a worker nor its lane; a restart of the runner
    /// changes nothing. The answer is usually what the handler returns.
    ///
    /// # Errors
    /// When nobody answers within `ttl`, when no answer can come in because `http_port` is not set, or when the store fails.
    pub async fn callback(&self, ttl: Duration) -> Result<Reply> {
        self.inner.callbacks.answer_for(self.key(), ttl, self.seat()).await
    }

    /// Resolves when the runner has given up on this run: its time was up, or it outlasted the grace time at shutdown.
    /// An async handler is stopped automatically; this is for work that it started elsewhere, for instance on a thread.
    pub async fn cancelled(&self) {
        self.inner.cancel.cancelled().await;
    }

    /// Whether the runner has given up on this run; for blocking code between two steps.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancel.is_cancelled()
    }

    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.inner.seat
    }

    /// The incident that the action belongs to.
    ///
    /// # Errors
    /// When there is none: in a call of a function, and in a message about an object that belongs to no incident, such as an
    /// e-mail.
    pub fn incident(&self) -> Result<&Value> {
        self.message().incident().ok_or_else(|| Error::new("The message has no incident"))
    }

    /// The incident's id. A function call does not name its incident: by convention a workflow passes the id as the input
    /// `incident_id`.
    ///
    /// # Errors
    /// As for [`incident`](Self::incident), when there is no such input either.
    pub fn incident_id(&self) -> Result<i64> {
        self.message().incident_id().ok_or_else(|| Error::new("The message has no incident with an id"))
    }

    /// The object the rule ran on: the task for a task rule, the artifact for an artifact rule, ...
    ///
    /// # Errors
    /// When the message lacks the object that its `object_type` names.
    pub fn object(&self) -> Result<&Value> {
        self.message()
            .object()
            .ok_or_else(|| Error::new("The message lacks the object that its object_type names"))
    }

    /// The activity fields that the user filled in, as a struct of the component's own.
    ///
    /// # Errors
    /// Names the field that is missing or has another type.
    pub fn fields<T: DeserializeOwned>(&self) -> Result<T> {
        self.message().fields()
    }

    /// The inputs of the function that is called, as a struct of the component's own: a choice as its name, rich text as its
    /// content, dates in milliseconds since 1970 UTC. An input without a value reads as absent.
    ///
    /// # Errors
    /// Names the input that is missing or has another type.
    pub fn inputs<T: DeserializeOwned>(&self) -> Result<T> {
        self.message().inputs()
    }

    /// Labels for the ids in the message.
    pub fn type_info(&self) -> TypeInfo<'_> {
        self.message().type_info()
    }

    /// Who invoked the rule.
    pub fn user(&self) -> Option<User> {
        self.message().user()
    }

    /// The account on whose behalf the rule ran.
    pub fn principal(&self) -> Option<Principal> {
        self.message().principal()
    }
}

impl From<Inner> for Action {
    fn from(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Action").field("key", &self.key()).field("rule", &self.rule()).finish_non_exhaustive()
    }
}
