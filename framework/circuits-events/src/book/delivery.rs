//! Deliveries: one for each event and target, with what became of it and the log of its attempts.

use circuits::Result;
use circuits::store::{Query, Record, Write};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Book;

/// Deliveries by `<event key>\n<target>`; the rank is the time of the event.
pub(super) const DELIVERY: &str = "event.delivery";
/// How many attempts of one delivery are kept, the latest.
const ATTEMPTS: usize = 20;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will be tried, or tried again.
    Waiting,
    /// The target took it.
    Delivered,
    /// The policy did not allow it.
    Denied,
    /// It was tried as often as the settings say, or it can never succeed.
    Failed,
    /// Too many deliveries waited for the target, so this one was never tried.
    Dropped,
}

impl DeliveryState {
    /// The state in one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// The delivery of one event to one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event's key.
    pub event: String,
    /// `webhook:<name>` or `subscription:<uuid>`.
    pub target: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried since it was stored or asked for again.
    pub tries: u32,
    /// The status of the policy server's last answer.
    pub policy_status: Option<u16>,
    /// The status of the target's last answer.
    pub target_status: Option<u16>,
    /// The target's last answer, or what failed, in words.
    pub text: String,
    /// When it was stored.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// The latest attempts.
    #[serde(default)]
    pub attempts: Vec<Attempted>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempted {
    /// When it ended.
    pub at: Timestamp,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the answer, or what failed.
    pub text: String,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

impl Delivery {
    pub(crate) fn new(event: &str, target: &str, state: DeliveryState, at: Timestamp) -> Self {
        Self {
            event: event.to_owned(),
            target: target.to_owned(),
            state,
            tries: 0,
            policy_status: None,
            target_status: None,
            text: String::new(),
            created: at,
            updated: at,
            attempts: Vec::new(),
        }
    }

    pub(crate) fn key(&self) -> String {
        key(&self.event, &self.target)
    }

    pub(super) fn record(&self) -> Result<Record> {
        Ok(Record::new(self.key(), self.created.as_millisecond(), serde_json::to_string(self)?))
    }

    /// Adds an attempt to the log.
    pub(crate) fn attempted(&mut self, attempt: Attempted) {
        if self.attempts.len() >= ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

fn key(event: &str, target: &str) -> String {
    format!("{event}\n{target}")
}

/// The table of a target's waiting deliveries: event keys; the rank is the time of the next try, 0 at once.
pub(super) fn due_table(target: &str) -> String {
    format!("event.due/{target}")
}

impl Book {
    /// The delivery of this event to this target.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn delivery(&self, event: &str, target: &str) -> Result<Option<Delivery>> {
        let record = self.store.get(DELIVERY, &key(event, target)).await?;
        Ok(record.map(|record| serde_json::from_str(&record.value)).transpose()?)
    }

    /// The deliveries of an event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn deliveries(&self, event: &str) -> Result<Vec<Delivery>> {
        let query = Query { prefix: Some(format!("{event}\n")), ..Query::default() };
        let records = self.store.list(DELIVERY, &query).await?;
        records.iter().map(|record| Ok(serde_json::from_str(&record.value)?)).collect()
    }

    /// Has deliveries of this event made again: all of them, or that to one target. Returns their targets.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn redeliver(&self, event: &str, target: Option<&str>) -> Result<Vec<String>> {
        let (mut changes, mut targets) = (Vec::new(), Vec::new());
        for mut delivery in self.deliveries(event).await? {
            if target.is_some_and(|target| target != delivery.target) {
                continue;
            }
            (delivery.state, delivery.tries) = (DeliveryState::Waiting, 0);
            delivery.updated = Timestamp::now();
            changes.push(Write::put(DELIVERY, delivery.record()?));
            changes.push(Write::put(due_table(&delivery.target), Record::new(event, 0, "")));
            targets.push(delivery.target);
        }
        self.store.apply(changes).await?;
        Ok(targets)
    }

    /// The events whose delivery to a target is due, and when; the most urgent first.
    pub(crate) async fn due(&self, target: &str, limit: u32) -> Result<Vec<(String, i64)>> {
        let query = Query { limit: Some(limit), ..Query::default() };
        let records = self.store.list(&due_table(target), &query).await?;
        Ok(records.into_iter().map(|record| (record.key, record.rank)).collect())
    }

    /// How many deliveries wait for a target.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting(&self, target: &str) -> Result<u64> {
        self.store.count(&due_table(target), &Query::default()).await
    }

    /// Notes what became of a delivery, and when it is tried next, if it is.
    pub(crate) async fn note(&self, delivery: &Delivery, next: Option<Timestamp>) -> Result<()> {
        let table = due_table(&delivery.target);
        let due = match next {
            Some(next) => Write::put(table, Record::new(&delivery.event, next.as_millisecond(), "")),
            None => Write::delete(table, delivery.event.clone()),
        };
        self.store.apply(vec![Write::put(DELIVERY, delivery.record()?), due]).await.map(drop)
    }

    /// Forgets that a delivery is due, without a change of the delivery.
    pub(crate) async fn no_longer_due(&self, target: &str, event: &str) -> Result<()> {
        self.store.apply(vec![Write::delete(due_table(target), event)]).await.map(drop)
    }
}
