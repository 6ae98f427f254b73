//! Objects, and the REST requests that touched them.
use std::sync::PoisonError;

use serde_json::Value;

use super::{Sandbox, refused};
use crate::error::Result;
use crate::platform::{Kind, State};
use crate::request::Request;
use crate::wait;

/// Objects, as a user at the platform's screen sees and changes them.
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

    /// The milestones of an incident.
    #[must_use]
    pub fn milestones(&self, incident: i64) -> Vec<Value> {
        self.below(Kind::Milestone, incident)
    }

    /// The attachments of an incident, without their bytes.
    #[must_use]
    pub fn attachments(&self, incident: i64) -> Vec<Value> {
        self.below(Kind::Attachment, incident)
    }

    fn below(&self, kind: Kind, incident: i64) -> Vec<Value> {
        self.core.platform.lock().objects.of_incident(kind, incident).cloned().collect()
    }

    /// Creates an incident; automatic rules fire.
    ///
    /// # Errors
    /// [`crate::Error::is_refused`] if a required field is missing or a value is not valid.
    pub fn create_incident(&self, fields: Value) -> Result<i64> {
        let (id, outgoing) = {
            let mut state = self.core.platform.lock();
            let incident = state.new_incident(fields, &self.user()).map_err(refused)?;
            state.create(Kind::Incident, incident, &self.user())
        };
        self.core.send(outgoing);
        Ok(id)
    }

    /// Adds an artifact to an incident; automatic rules fire.
    ///
    /// # Errors
    /// [`crate::Error::is_refused`] if the incident does not exist, a required field is missing or a value is not valid.
    pub fn create_artifact(&self, incident: i64, fields: Value) -> Result<i64> {
        let (id, outgoing) = {
            let mut state = self.core.platform.lock();
            let artifact = state.new_artifact(incident, fields, &self.user()).map_err(refused)?;
            state.create(Kind::Artifact, artifact, &self.user())
        };
        self.core.send(outgoing);
        Ok(id)
    }

    /// An e-mail message arrives, such as `{"subject": "Hi", "from": {"address": "a@example.com"}}`; automatic rules fire. It
    /// belongs to no incident, so their messages belong to none either.
    pub fn create_email_message(&self, fields: Value) -> i64 {
        let message = State::new_email_message(fields);
        let (id, outgoing) = self.core.platform.lock().create(Kind::EmailMessage, message, &self.user());
        self.core.send(outgoing);
        id
    }

    /// Changes fields of an incident; its version goes up and automatic rules fire.
    ///
    /// # Errors
    /// [`crate::Error::is_refused`] if it does not exist or a value is not valid.
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

    /// Waits until this many requests of `method` (`*` for any) whose path contains `path` have come, including hanging
    /// ones, and returns them.
    pub async fn requested(&self, method: &str, path: &str, count: usize) -> Vec<Request> {
        let matches = |r: &Request| (method == "*" || r.method == method) && r.path.contains(path);
        let look = || Some(self.requests().into_iter().filter(matches).collect::<Vec<_>>());
        wait::until(&self.core.requested, || look().filter(|found| found.len() >= count)).await
    }
}
