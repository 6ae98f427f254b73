//! Stored subscriptions.

use circuits::Result;
use circuits::store::{Query, Record, Write};

use super::Book;
use crate::subscription::Subscription;

/// Subscriptions by their UUID; the rank is the time of creation.
const SUBSCRIPTION: &str = "event.subscription";

impl Book {
    /// Every subscription that was not deleted, oldest first, with its stored form.
    pub(crate) async fn stored_subscriptions(&self) -> Result<Vec<Record>> {
        self.store.list(SUBSCRIPTION, &Query::default()).await
    }

    /// Every subscription that was not deleted, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>> {
        let records = self.stored_subscriptions().await?;
        let all: Vec<Subscription> =
            records.iter().map(|record| Ok(serde_json::from_str(&record.value)?)).collect::<Result<_>>()?;
        Ok(all.into_iter().filter(|one| one.deleted.is_none()).collect())
    }

    /// The subscription with this UUID, unless it was deleted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn subscription(&self, uuid: &str) -> Result<Option<Subscription>> {
        let record = self.store.get(SUBSCRIPTION, uuid).await?;
        let found = record.map(|record| serde_json::from_str::<Subscription>(&record.value)).transpose()?;
        Ok(found.filter(|one| one.deleted.is_none()))
    }

    /// Stores a subscription, in place of an earlier form of it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        let value = serde_json::to_string(subscription)?;
        let rank = subscription.created.as_millisecond();
        let record = Record::new(subscription.uuid.to_string(), rank, value);
        self.store.apply(vec![Write::put(SUBSCRIPTION, record)]).await?;
        self.store.flush().await
    }
}
