//! The audit trail: who steered what, and who was refused; in the runner's store, the newest of each kept.

use std::sync::Arc;

use circuits::Result;
use circuits::store::{Query, Record, Store, Write};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{error, info};
use utoipa::ToSchema;

/// Entries by `<outcome>/<random>`; the rank is their time.
const TABLE: &str = "audit";
/// How many entries of each outcome are kept: a flood of refusals must not push out what was done.
const KEPT: u64 = 10_000;
/// Characters of what an entry is about.
const LONGEST: usize = 200;

/// One entry.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// The account.
    pub(crate) account: String,
    /// The address that the request came from.
    pub(crate) from: String,
    /// `retry`, `set_aside`, `drop`, `pause`, `resume` or `log_level`.
    pub(crate) what: String,
    /// What it was done to: `#17`, the name of a destination, a level.
    pub(crate) on: String,
    /// `done` or `refused`.
    pub(crate) outcome: String,
}

/// The trail of one runner.
pub(crate) struct Audit {
    store: Arc<dyn Store>,
    kept: u64,
}

impl Audit {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: KEPT }
    }

    /// Adds an entry. The log has it too, whether the store can be written or not.
    pub(crate) async fn note(&self, mut entry: AuditEntry) {
        entry.on = entry.on.chars().take(LONGEST).collect();
        let AuditEntry { account, from, what, on, outcome, .. } = &entry;
        info!(account, from, what, on, outcome, "Audit");
        if let Err(error) = self.keep(&entry).await {
            error!(%error, "The audit trail in the store lacks this entry");
        }
    }

    async fn keep(&self, entry: &AuditEntry) -> Result<()> {
        let prefix = format!("{}/", entry.outcome);
        let key = format!("{prefix}{:016x}", fastrand::u64(..));
        let record = Record::new(key, entry.at.as_millisecond(), serde_json::to_string(entry)?);
        self.store.apply(vec![Write::insert(TABLE, record)]).await?;
        let mut query = Query { prefix: Some(prefix), ..Query::default() };
        let excess = self.store.count(TABLE, &query).await?.saturating_sub(self.kept);
        if excess > 0 {
            query.limit = u32::try_from(excess).ok();
            let oldest = self.store.list(TABLE, &query).await?;
            let gone = oldest.into_iter().map(|record| Write::delete(TABLE, record.key));
            self.store.apply(gone.collect()).await?;
        }
        self.store.flush().await
    }

    /// The newest entries, newest first.
    pub(crate) async fn newest(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        let query = Query { descending: true, limit: Some(limit), ..Query::default() };
        let records = self.store.list(TABLE, &query).await?;
        records.iter().map(|record| Ok(serde_json::from_str(&record.value)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use circuits::store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn refusals_do_not_push_out_what_was_done() {
        let audit = Audit { store: Arc::new(MemoryStore::default()), kept: 10 };
        let entry = |outcome: &str, on: u64| AuditEntry {
            at: Timestamp::from_second(on as i64).unwrap(),
            account: "ada".to_owned(),
            from: "127.0.0.1".to_owned(),
            what: "retry".to_owned(),
            on: format!("#{on}"),
            outcome: outcome.to_owned(),
        };
        audit.note(entry("done", 0)).await;
        for number in 1..=11 {
            audit.note(entry("refused", number)).await;
        }
        let all = audit.newest(u32::MAX).await.unwrap();
        assert_eq!(all.len(), 11);
        assert_eq!((all[0].on.as_str(), all[all.len() - 1].outcome.as_str()), ("#11", "done"));
        assert_eq!(all[all.len() - 2].on, "#2");
    }
}
