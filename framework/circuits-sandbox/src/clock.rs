//! The platform's clock: milliseconds since 1970 UTC, as in all of its JSON.
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Now, as JSON.
pub(crate) fn now() -> serde_json::Value {
    now_ms().into()
}
