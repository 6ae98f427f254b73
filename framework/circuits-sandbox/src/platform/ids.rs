//! Numbers for new things: one sequence for objects, definitions and invocations alike.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The sequence; its copies share one counter.
#[derive(Clone)]
pub(crate) struct Ids(Arc<AtomicI64>);

impl Ids {
    /// Begins after `last`.
    pub(super) fn after(last: i64) -> Self {
        Self(Arc::new(AtomicI64::new(last)))
    }

    pub(super) fn next(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Continues after `last`, unless it is already past that.
    pub(crate) fn skip_to(&self, last: i64) {
        self.0.fetch_max(last, Ordering::Relaxed);
    }
}

/// A random UUID.
pub(crate) fn new_uuid() -> String {
    // RFC 4122, version 4.
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0xc << 60)) | (0x4 << 76) | (0x8 << 60);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
