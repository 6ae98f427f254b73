//! Subscriptions as data: what a user has asked to be told, checked when it is made and when it is changed.
//!
//! No store and no network here: parts go in, parts come out. [`Subscription`] keeps the thirteen keys of Pacifica's
//! object, [`Matcher`] decides which events it selects, [`outgoing`] makes the event that its target gets.

pub(crate) mod attributes;
mod auth;
mod changes;
mod dialect;
mod invalid;
mod matcher;
mod outgoing;
mod shape;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use auth::Auth;
pub use invalid::Invalid;
pub use matcher::{Matcher, TooCostly};
pub use outgoing::outgoing;

use changes::Changes;

/// The version of the object, the only one there is.
const VERSION: &str = "v0.1";

/// One subscription. Its serde form is for the store and holds its secrets; [`shown`](Self::shown) is for people.
#[derive(Clone, Serialize, Deserialize)]
pub struct Subscription {
    /// Names it in the API.
    #[serde(with = "text")]
    pub uuid: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// Selects the events: one is sent if the path selects anything in it.
    pub jsonpath: String,
    /// Who owns it.
    pub user: String,
    /// Where the events go.
    pub target_url: String,
    /// What is said to the target to be let in.
    pub auth: Auth,
    /// Attributes that each event gets on its way to the target.
    pub extensions: Map<String, Value>,
    /// The version of this object.
    pub version: String,
    /// Since when it is switched off.
    #[serde(with = "text::optional")]
    pub disabled: Option<Timestamp>,
    /// Why it was switched off.
    pub error: Option<String>,
    /// When it was made.
    #[serde(with = "text")]
    pub created: Timestamp,
    /// When it was last changed.
    #[serde(with = "text")]
    pub updated: Timestamp,
    /// When it was deleted: the log still names it.
    #[serde(with = "text::optional")]
    pub deleted: Option<Timestamp>,
}

impl Subscription {
    /// Makes a subscription from the body of a `POST`.
    ///
    /// # Errors
    /// When the body is not a JSON object, lacks `name`, `jsonpath` or `target_url`, or a field cannot be used.
    pub fn create(user: &str, body: &[u8], now: Timestamp, uuid: Uuid) -> Result<Self, Invalid> {
        let changes = Changes::read(body, now, None)?;
        Ok(Self {
            uuid,
            name: changes.name.ok_or_else(|| Invalid::missing("name"))?,
            jsonpath: changes.jsonpath.ok_or_else(|| Invalid::missing("jsonpath"))?,
            user: changes::user(user)?,
            target_url: changes.target_url.ok_or_else(|| Invalid::missing("target_url"))?,
            auth: changes.auth.unwrap_or_default(),
            extensions: changes.extensions.unwrap_or_default(),
            version: VERSION.to_owned(),
            disabled: changes.disabled.flatten(),
            error: changes.error.flatten(),
            created: now,
            updated: now,
            deleted: None,
        })
    }

    /// The subscription after a `PUT` with this body. What the body leaves out keeps its value.
    ///
    /// # Errors
    /// When the body is not a JSON object, a field cannot be used, or it would change a field that only the server sets.
    pub fn change(&self, body: &[u8], now: Timestamp) -> Result<Self, Invalid> {
        let changes = Changes::read(body, now, Some(self))?;
        let old = self.clone();
        Ok(Self {
            name: changes.name.unwrap_or(old.name),
            jsonpath: changes.jsonpath.unwrap_or(old.jsonpath),
            target_url: changes.target_url.unwrap_or(old.target_url),
            auth: changes.auth.unwrap_or(old.auth),
            extensions: changes.extensions.unwrap_or(old.extensions),
            disabled: changes.disabled.unwrap_or(old.disabled),
            error: changes.error.unwrap_or(old.error),
            updated: now,
            ..old
        })
    }

    /// What its owner may see: a secret is `***`, a reference such as `${NAME}` stands as it was written.
    pub fn shown(&self) -> Value {
        json!({
            "uuid": self.uuid.to_string(),
            "name": self.name,
            "jsonpath": self.jsonpath,
            "user": self.user,
            "target_url": self.target_url,
            "auth": self.auth.shown(),
            "extensions": self.extensions,
            "version": self.version,
            "disabled": self.disabled.map(|time| time.to_string()),
            "error": self.error,
            "created": self.created.to_string(),
            "updated": self.updated.to_string(),
            "deleted": self.deleted.map(|time| time.to_string()),
        })
    }

    /// Marks it as deleted: from now on nobody sees it and it gets nothing.
    pub fn delete(&mut self, now: Timestamp) {
        self.updated = now;
        self.deleted = Some(now);
    }

    /// Whether events are to be sent: it is neither switched off nor deleted.
    pub fn is_live(&self) -> bool {
        self.disabled.is_none() && self.deleted.is_none()
    }

    /// Its path, compiled once for many events.
    ///
    /// # Errors
    /// When the path is not one that [`create`](Self::create) would have taken.
    pub fn matcher(&self) -> Result<Matcher, Invalid> {
        Matcher::new(&self.jsonpath)
    }

    /// The value of the `Authorization` header that its target wants, with each `${NAME}` taken from `environment`.
    ///
    /// Whoever may subscribe may also choose the target, so `environment` must only know the variables that are meant
    /// for subscriptions.
    ///
    /// # Errors
    /// When a variable is missing or empty, or the value cannot stand in a header.
    pub fn authorization(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<SecretString>, Invalid> {
        self.auth.authorization(environment)
    }
}

/// Names it and no more: a target may carry a token in its query.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("uuid", &self.uuid)
            .field("name", &self.name)
            .field("user", &self.user)
            .field("disabled", &self.disabled)
            .field("deleted", &self.deleted)
            .finish_non_exhaustive()
    }
}
