//! The fault switches that the broker and the REST server read; [`crate::Faults`] sets them.
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::faults::RestFault;

#[derive(Default)]
pub(crate) struct Switches {
    stalled: watch::Sender<bool>,
    refusing: AtomicBool,
    silent: AtomicBool,
    delay_ms: AtomicU64,
    drop_receipts: AtomicU32,
    rest: Mutex<Vec<RestFault>>,
}

impl Switches {
    pub(crate) fn set_stalled(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    /// Waits while the broker is stalled.
    pub(crate) async fn flowing(&self) {
        // The sender lives in self, so the wait cannot fail.
        let _ = self.stalled.subscribe().wait_for(|stalled| !stalled).await;
    }

    pub(crate) fn stalled(&self) -> bool {
        *self.stalled.borrow()
    }

    pub(crate) fn set_refusing(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::Release);
    }

    pub(crate) fn refusing(&self) -> bool {
        self.refusing.load(Ordering::Acquire)
    }

    pub(crate) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Release);
    }

    /// True while the broker must send no heart-beats.
    pub(crate) fn silent(&self) -> bool {
        self.silent.load(Ordering::Acquire)
    }

    pub(crate) fn set_delay(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// How long each frame is held back, if at all.
    pub(crate) fn delay(&self) -> Option<Duration> {
        Some(self.delay_ms.load(Ordering::Acquire)).filter(|ms| *ms > 0).map(Duration::from_millis)
    }

    pub(crate) fn drop_receipts(&self, count: u32) {
        self.drop_receipts.fetch_add(count, Ordering::AcqRel);
    }

    /// True when the next receipt must be swallowed; counts it down.
    pub(crate) fn take_receipt(&self) -> bool {
        self.drop_receipts
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1))
            .is_ok()
    }

    pub(crate) fn add_rest(&self, fault: RestFault) {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub(crate) fn clear_rest(&self) {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The first fault that matches the request; counts one hit down.
    pub(crate) fn take_rest(&self, method: &str, path: &str) -> Option<RestFault> {
        let mut faults = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let at = faults.iter().position(|fault| fault.matches(method, path))?;
        let fault = faults[at].clone();
        if faults[at].count_off() {
            faults.remove(at);
        }
        Some(fault)
    }
}
