//! What every change has in common: the right to it, and the entry in the audit trail, for a refusal too.

use circuits::account::Right;
use jiff::Timestamp;

use crate::access::Who;
use crate::api::Api;
use crate::audit::AuditEntry;
use crate::refusal::Refusal;

/// Makes a change, unless `allowed` refuses it.
pub(super) async fn steer<T>(
    api: &Api,
    who: &Who,
    (what, on): (&str, String),
    allowed: Result<(), Refusal>,
    change: impl Future<Output = Result<T, Refusal>>,
) -> Result<T, Refusal> {
    let outcome = match allowed {
        Ok(()) => change.await,
        Err(refusal) => Err(refusal),
    };
    let entry = AuditEntry {
        at: Timestamp::now(),
        account: who.name.clone(),
        from: who.from.clone(),
        what: what.to_owned(),
        on,
        outcome: if outcome.is_ok() { "done" } else { "refused" }.to_owned(),
    };
    api.audit.note(entry).await;
    api.readers.changed();
    outcome
}

/// Refuses those who may not manage everything.
pub(super) fn manages_all(who: &Who) -> Result<(), Refusal> {
    if who.may_all(Right::Manage) {
        return Ok(());
    }
    Err(Refusal::forbidden(format!("the account {} lacks the right `manage`", who.name)))
}

/// Refuses those who may not manage the destination with this programmatic name.
pub(super) fn manages(who: &Who, destination: &str) -> Result<(), Refusal> {
    if who.may(Right::Manage, destination) {
        return Ok(());
    }
    Err(Refusal::forbidden(format!(
        "the account {} lacks the right `manage:destination/{destination}`",
        who.name
    )))
}
