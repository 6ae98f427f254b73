//! Stored events: found by id, by message and by time, deleted by age.

use std::sync::PoisonError;

use circuits::Result;
use circuits::history::{MessageEvents, MessageEventsFuture};
use circuits::store::{Query, Record, Write};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::delivery::{DELIVERY, due_table};
use super::{Book, Delivery, DeliveryState};
use crate::envelope;

/// Events by key; the rank is their time.
const EVENT: &str = "event";
/// The events of each message: `<message id>\n<event key>`.
const OF_MESSAGE: &str = "event.of";
/// The targets that ever had a delivery.
const TARGET: &str = "event.target";
/// How many events are deleted in one go.
const BATCH: u32 = 10;

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its key, a UUID: the id of the runner's own events.
    pub key: String,
    /// When it was stored.
    pub at: Timestamp,
    /// The event, in the form of CloudEvents 1.0.
    pub event: Value,
    /// The event as it came, if that was version 0.1.
    pub original: Option<Value>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    event: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original: Option<Value>,
}

/// A target of an event, and whether there is room for another delivery to it.
pub(crate) struct Addressed {
    pub(crate) target: String,
    pub(crate) room: bool,
}

/// What is about to be stored.
#[derive(Default)]
struct Adding {
    changes: Vec<Write>,
    /// The places in `changes` of deliveries that are to wait, with their targets.
    waits: Vec<(usize, String)>,
    /// Targets that are new.
    met: Vec<String>,
}

impl StoredEvent {
    /// An event that happened or came now.
    pub fn new(event: Value, original: Option<Value>, at: Timestamp) -> Self {
        Self { key: envelope::key(&event), at, event, original }
    }

    fn read(record: Record) -> Result<Self> {
        let Stored { event, original } = serde_json::from_str(&record.value)?;
        Ok(Self { key: record.key, at: time(record.rank), event, original })
    }

    /// The event with its deliveries, as JSON for people and programs.
    pub fn with_deliveries(&self, deliveries: &[Delivery]) -> Value {
        json!({"key": self.key, "event": self.event, "deliveries": deliveries})
    }

    fn message(&self) -> Option<&str> {
        self.event.pointer("/data/message/id")?.as_str()
    }
}

impl Book {
    /// Stores events with their deliveries. What is stored already stays as it is: returns the targets of deliveries that wait
    /// already.
    pub(crate) async fn add(&self, events: Vec<(StoredEvent, Vec<Addressed>)>) -> Result<Vec<String>> {
        let mut adding = Adding::default();
        for (event, targets) in events {
            self.add_one(&mut adding, event, targets)?;
        }
        let Adding { changes, waits, met } = adding;
        let made = self.store.apply(changes).await?;
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).extend(met);
        let known = waits.into_iter().filter(|(index, _)| made.get(*index) == Some(&false));
        Ok(known.map(|(_, target)| target).collect())
    }

    fn add_one(&self, adding: &mut Adding, event: StoredEvent, targets: Vec<Addressed>) -> Result<()> {
        let Adding { changes, waits, met } = adding;
        let rank = event.at.as_millisecond();
        if let Some(message) = event.message() {
            let key = format!("{message}\n{}", event.key);
            changes.push(Write::insert(OF_MESSAGE, Record::new(key, rank, "")));
        }
        for Addressed { target, room } in targets {
            let state = if room { DeliveryState::Waiting } else { DeliveryState::Dropped };
            let delivery = Delivery::new(&event.key, &target, state, event.at);
            changes.push(Write::insert(DELIVERY, delivery.record()?));
            if room {
                waits.push((changes.len(), target.clone()));
                changes.push(Write::insert(due_table(&target), Record::new(&event.key, rank, "")));
            }
            if !met.contains(&target) && !self.knows(&target) {
                changes.push(Write::insert(TARGET, Record::new(&target, 0, "")));
                met.push(target);
            }
        }
        let StoredEvent { key, event, original, .. } = event;
        let value = serde_json::to_string(&Stored { event, original })?;
        changes.push(Write::insert(EVENT, Record::new(key, rank, value)));
        Ok(())
    }

    /// Resolves when everything that was stored before survives a power cut.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.store.flush().await
    }

    fn knows(&self, target: &str) -> bool {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).contains(target)
    }

    /// The targets that ever had a delivery.
    pub(crate) async fn targets(&self) -> Result<Vec<String>> {
        let all = self.store.list(TARGET, &Query::default()).await?;
        Ok(all.into_iter().map(|record| record.key).collect())
    }

    /// The event with this key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn event(&self, key: &str) -> Result<Option<StoredEvent>> {
        self.store.get(EVENT, key).await?.map(StoredEvent::read).transpose()
    }

    /// The newest events after `since` and not after `until`, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn events(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<StoredEvent>> {
        let until = until.unwrap_or(Timestamp::MAX);
        let query = Query { descending: true, limit: Some(limit), ..window(since, until) };
        self.store.list(EVENT, &query).await?.into_iter().map(StoredEvent::read).collect()
    }

    /// The stored events about a message, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn events_of(&self, message: &str) -> Result<Vec<StoredEvent>> {
        let prefix = format!("{message}\n");
        let query = Query { prefix: Some(prefix.clone()), ..Query::default() };
        let mut events = Vec::new();
        for record in self.store.list(OF_MESSAGE, &query).await? {
            if let Some(event) = self.event(&record.key[prefix.len()..]).await? {
                events.push(event);
            }
        }
        Ok(events)
    }

    /// How many events there are after `since` and not after `until`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count(&self, since: Option<Timestamp>, until: Timestamp) -> Result<u64> {
        self.store.count(EVENT, &window(since, until)).await
    }

    /// Deletes the oldest events after `since` and not after `until`, at most `limit`, with their deliveries, also those that
    /// still wait if `waiting` says so. A few at a time, so that others get their turn. Returns how many it deleted.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was deleted before that stays deleted.
    pub async fn purge(
        &self,
        since: Option<Timestamp>,
        until: Timestamp,
        limit: u32,
        waiting: bool,
    ) -> Result<u32> {
        let (mut gone, mut kept) = (0, 0);
        while gone < limit {
            let limit = Some(BATCH.min(limit - gone));
            let query = Query { offset: kept, limit, ..window(since, until) };
            let oldest = self.store.list(EVENT, &query).await?;
            if oldest.is_empty() {
                break;
            }
            let mut changes = Vec::new();
            for record in oldest {
                let event = StoredEvent::read(record)?;
                let deliveries = self.deliveries(&event.key).await?;
                if !waiting && deliveries.iter().any(|one| one.state == DeliveryState::Waiting) {
                    kept += 1;
                    continue;
                }
                gone += 1;
                for delivery in deliveries {
                    changes.push(Write::delete(DELIVERY, delivery.key()));
                    changes.push(Write::delete(due_table(&delivery.target), event.key.clone()));
                }
                if let Some(message) = event.message() {
                    changes.push(Write::delete(OF_MESSAGE, format!("{message}\n{}", event.key)));
                }
                changes.push(Write::delete(EVENT, event.key));
            }
            self.store.apply(changes).await?;
        }
        Ok(gone)
    }
}

impl MessageEvents for Book {
    fn of<'a>(&'a self, message_id: &'a str) -> MessageEventsFuture<'a> {
        Box::pin(async move {
            let mut all = Vec::new();
            for event in self.events_of(message_id).await? {
                let deliveries = self.deliveries(&event.key).await?;
                all.push(event.with_deliveries(&deliveries));
            }
            Ok(all)
        })
    }
}

/// What happened after `since` and not after `until`.
fn window(since: Option<Timestamp>, until: Timestamp) -> Query {
    let above = since.map(|time| time.as_millisecond());
    Query { above, through: Some(until.as_millisecond()), ..Query::default() }
}

/// A rank as a time.
pub(super) fn time(rank: i64) -> Timestamp {
    Timestamp::from_millisecond(rank).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
