//! The deliveries that were seen, in the runner's store: each with its incident, for 30 days.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use circuits::prelude::*;
use circuits::store::{Query, Record, Store, Write};

use crate::signature::Delivery;

const TABLE: &str = "webhook_in";
/// Milliseconds.
const KEPT: i64 = 30 * 24 * 60 * 60 * 1000;

/// The deliveries of one route.
pub(crate) struct Deliveries {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) route: &'static str,
}

impl Deliveries {
    /// The incident of a delivery that was seen.
    pub(crate) async fn incident(&self, delivery: &Delivery) -> Result<Option<i64>> {
        for key in self.keys(delivery) {
            if let Some(record) = self.store.get(TABLE, &key).await? {
                return Ok(Some(record.value.parse()?));
            }
        }
        Ok(None)
    }

    /// Notes a delivery with its incident, and forgets old ones.
    pub(crate) async fn note(&self, delivery: &Delivery, incident: i64) -> Result<()> {
        let now = now();
        let old = Query { through: Some(now - KEPT), limit: Some(100), ..Query::default() };
        let old = self.store.list(TABLE, &old).await?.into_iter();
        let new =
            self.keys(delivery).map(|key| Write::put(TABLE, Record::new(key, now, incident.to_string())));
        self.store.apply(new.chain(old.map(|record| Write::delete(TABLE, record.key))).collect()).await?;
        Ok(())
    }

    fn keys(&self, delivery: &Delivery) -> impl Iterator<Item = String> {
        let signed = delivery.signed.as_ref().map(|digest| format!("{}/sha256:{digest}", self.route));
        std::iter::once(format!("{}/{}", self.route, delivery.id)).chain(signed)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
