//! What an operator may change while the runner runs: pause and resume a message destination, set an action aside, change the
//! level of the log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::Result;
use crate::delivery::pauses::{Paused, Pauses};
use crate::history::rfc3339;
use crate::message::DestinationName;
use crate::runtime::log_control::LogControl;
use crate::runtime::shared::Shared;
use crate::store::{Query, Record, Store, Write};

/// The paused destinations by their programmatic names; the rank is the time of the pause.
const PAUSED: &str = "paused";

/// Steers one runner; see [`Context::steering`](crate::extension::Context::steering). Cheap to clone.
#[derive(Clone)]
pub struct Steering {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pauses: Pauses,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) log: Option<LogControl>,
}

/// A message destination that a runner listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationInfo {
    /// Its programmatic name.
    pub name: String,
    /// Its full name, `actions.<org>.<name>`.
    pub full_name: String,
    /// The components that handle its messages.
    pub components: Vec<&'static str>,
}

/// A pause as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    by: String,
}

/// Why an action cannot be set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSetAside {
    /// The runner does not hold it: it was answered, or never came.
    Gone,
    /// Its handler is at work.
    AtWork,
}

impl fmt::Display for NotSetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the runner does not hold this action: it was answered, or stays with the broker",
            Self::AtWork => {
                "the action's handler is at work; only an action that waits or is queued can be set aside"
            }
        })
    }
}

impl std::error::Error for NotSetAside {}

impl Steering {
    /// The destinations that the runner listens on, sorted by name.
    pub fn destinations(&self) -> Vec<DestinationInfo> {
        let (live, org) = (self.shared.live(), self.shared.client.org().id);
        let info = |name: &str| {
            let here = live.loaded().iter().filter(|one| one.component.destination == name);
            DestinationInfo {
                name: name.to_owned(),
                full_name: DestinationName::actions(org, name).to_string(),
                components: here.map(|one| one.registration.name()).collect(),
            }
        };
        live.routes.destinations().into_iter().map(info).collect()
    }

    /// The paused destinations, by their programmatic names.
    pub fn paused(&self) -> BTreeMap<String, Paused> {
        self.pauses.all()
    }

    /// Pauses a destination: what runs there finishes, nothing else begins or goes on, and what waits stays with the broker if
    /// the runner stops. It stays paused after a restart if the store outlives the process. A destination that is paused already
    /// keeps its first pause.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing is paused.
    pub async fn pause(&self, destination: &str, by: &str) -> Result<()> {
        let _changing = self.pauses.changing.lock().await;
        if self.pauses.hold(destination) {
            return Ok(());
        }
        let now = Timestamp::now();
        let value = serde_json::to_string(&Stored { by: by.to_owned() })?;
        let record = Record::new(destination, now.as_millisecond(), value);
        self.store.apply(vec![Write::put(PAUSED, record)]).await?;
        self.store.flush().await?;
        self.pauses.pause(destination, Paused { since: now.into(), by: by.to_owned() });
        info!(destination, by, "The destination is paused");
        Ok(())
    }

    /// Lets a paused destination go on.
    ///
    /// # Errors
    /// When the store cannot be written; then it stays paused.
    pub async fn resume(&self, destination: &str, by: &str) -> Result<()> {
        let _changing = self.pauses.changing.lock().await;
        self.store.apply(vec![Write::delete(PAUSED, destination)]).await?;
        self.store.flush().await?;
        if self.pauses.hold(destination) {
            self.pauses.resume(destination);
            info!(destination, by, "The destination goes on");
        }
        Ok(())
    }

    /// Has an action that waits or is queued answered with an error reply that names `by`; it is then a dead letter.
    ///
    /// # Errors
    /// When its handler is at work, or the runner does not hold it.
    pub fn set_aside(&self, message_id: &str, by: &str) -> Result<(), NotSetAside> {
        self.shared.vitals.set_aside(message_id, by)
    }

    /// The level of the log; `None` if whoever started the runner lets nobody change it.
    pub fn log(&self) -> Option<&LogControl> {
        self.log.as_ref()
    }

    /// Pauses what was paused when an earlier runner ended.
    pub(crate) async fn restore(&self) {
        let records = match self.store.list(PAUSED, &Query::default()).await {
            Ok(records) => records,
            Err(error) => {
                return error!(%error, "The store cannot say which destinations are paused; none is");
            }
        };
        for record in records {
            let by = serde_json::from_str(&record.value).map_or_else(|_| "?".to_owned(), |Stored { by }| by);
            let since = Timestamp::from_millisecond(record.rank).unwrap_or(Timestamp::UNIX_EPOCH).into();
            warn!(
                destination = record.key,
                by,
                since = rfc3339(since),
                "The destination is paused: nothing begins there until somebody resumes it with the HTTP API (http_port=)"
            );
            self.pauses.pause(&record.key, Paused { since, by });
        }
    }
}

impl fmt::Debug for Steering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steering").finish_non_exhaustive()
    }
}
