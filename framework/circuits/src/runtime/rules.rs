//! The platform's rules by id: an action message names its rule only by number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use circuits_rest::Client;
use tokio::time::Instant;

use crate::message::ActionMessage;

/// How long the runner does not ask again for an id that the platform did not know, so that a flood of messages of a deleted
/// rule does not become a flood of requests.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);

/// Rule names by id, fetched from `/actions` at start and again for an id that is not among them.
#[derive(Debug)]
pub(crate) struct Rules {
    client: Client,
    known: Mutex<Known>,
    /// One fetch at a time; callers that wait for it look again before they fetch themselves.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<i64, Arc<str>>,
    unknown: HashMap<i64, Instant>,
}

impl Rules {
    /// Fetches the list.
    pub(crate) async fn load(client: Client) -> Result<Self, circuits_rest::Error> {
        let rules = Self { client, known: Mutex::default(), fetching: tokio::sync::Mutex::default() };
        rules.fetch().await?;
        Ok(rules)
    }

    /// The name for a message: the display name of its rule, or the name of the function that it calls. `None` if the
    /// platform does not list the rule.
    ///
    /// # Errors
    /// When the platform cannot be asked.
    pub(crate) async fn of(&self, message: &ActionMessage) -> Result<Option<Arc<str>>, circuits_rest::Error> {
        match (message.function(), message.action_id()) {
            (Some(function), _) => Ok(Some(function.into())),
            (None, Some(id)) => self.name(id).await,
            (None, None) => Ok(None),
        }
    }

    /// The display name of a rule; `None` if the platform does not list it either.
    async fn name(&self, id: i64) -> Result<Option<Arc<str>>, circuits_rest::Error> {
        if let Some(answer) = self.look_up(id) {
            return Ok(answer);
        }
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(answer) = self.look_up(id) {
            return Ok(answer);
        }
        // Rare, and large: every waiting message would otherwise reserve room for it.
        Box::pin(self.fetch()).await?;
        let mut known = self.known();
        let name = known.names.get(&id).cloned();
        if name.is_none() {
            known.unknown.insert(id, Instant::now());
        }
        Ok(name)
    }

    fn look_up(&self, id: i64) -> Option<Option<Arc<str>>> {
        let known = self.known();
        match known.names.get(&id) {
            Some(name) => Some(Some(Arc::clone(name))),
            None => known.unknown.get(&id).filter(|asked| asked.elapsed() < UNKNOWN_FOR).map(|_| None),
        }
    }

    async fn fetch(&self) -> Result<(), circuits_rest::Error> {
        let rules = self.client.actions().await?;
        let mut known = self.known();
        known.names = rules.into_iter().map(|rule| (rule.id, rule.name.into())).collect();
        known.unknown.retain(|_, asked| asked.elapsed() < UNKNOWN_FOR);
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
