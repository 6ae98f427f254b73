//! What the routes share: the runner, what hides secrets, and what is counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use circuits::HeldAction;
use circuits::extension::Context;
use circuits::history::History;
use circuits::redact::Redactor;
use serde::Serialize;
use serde_json::Value;
use tracing::warn;

use crate::audit::Audit;
use crate::refusal::Refusal;
use crate::stream::Readers;
use crate::traffic::Traffic;

/// How many numbers of messages are remembered.
const NUMBERS: usize = 10_000;

/// One API beside one runner.
pub(crate) struct Api {
    pub(crate) context: Context,
    pub(crate) host: String,
    pub(crate) traffic: Traffic,
    pub(crate) audit: Audit,
    pub(crate) readers: Readers,
    redactor: Redactor,
    /// By the messages' ids.
    numbers: Mutex<HashMap<String, i64>>,
}

impl Api {
    pub(crate) fn new(context: Context, redactor: Redactor, host: String) -> Self {
        let audit = Audit::new(Arc::clone(context.store()));
        Self {
            context,
            host,
            traffic: Traffic::default(),
            audit,
            readers: Readers::default(),
            redactor,
            numbers: Mutex::default(),
        }
    }

    /// The stored messages.
    pub(crate) fn history(&self) -> Result<&Arc<dyn History>, Refusal> {
        let off = || {
            Refusal::conflict(
                "the journal is off (journal=off), so there is no record of messages; name a file with journal=",
            )
        };
        self.context.history().ok_or_else(off)
    }

    /// The answer, with secrets hidden as the commands hide them.
    pub(crate) fn shown(&self, value: impl Serialize) -> Result<Json<Value>, Refusal> {
        let value = serde_json::to_value(value).map_err(circuits::Error::new)?;
        Ok(Json(self.redactor.hide_in(value)))
    }

    /// The numbers of these actions, as far as they have one, by their ids.
    pub(crate) async fn numbers(&self, actions: &[&HeldAction]) -> HashMap<String, i64> {
        let Some(history) = self.context.history() else { return HashMap::new() };
        let mut found: HashMap<_, _> = {
            let known = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            let known =
                |one: &&HeldAction| known.get(one.message_id()).map(|n| (one.message_id().to_owned(), *n));
            actions.iter().filter_map(known).collect()
        };
        let ids = actions.iter().map(|one| one.message_id()).filter(|id| !found.contains_key(*id));
        let ids: Vec<_> = ids.map(str::to_owned).collect();
        if ids.is_empty() {
            return found;
        }
        match history.numbers(ids.clone()).await {
            Ok(numbers) => {
                let new = ids.into_iter().zip(numbers).filter_map(|(id, number)| Some((id, number?)));
                let mut known = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() > NUMBERS {
                    known.clear();
                }
                for (id, number) in new {
                    known.insert(id.clone(), number);
                    found.insert(id, number);
                }
            }
            Err(error) => warn!(%error, "The API cannot tell the numbers of messages"),
        }
        found
    }
}
