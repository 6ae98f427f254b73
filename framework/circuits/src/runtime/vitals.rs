//! What a runner is doing and how well. Each part keeps its own entries up to date, and [`Health`](crate::Health) reports them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use circuits_stomp::State;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::delivery::seat::Seat;
use crate::{Error, Reply};

/// The vitals of one runner.
pub(crate) struct Vitals {
    pub(crate) begun: SystemTime,
    /// The state of the connection to the broker, once there is a session.
    pub(crate) connection: OnceLock<watch::Receiver<State>>,
    /// Whether every destination was subscribed to.
    pub(crate) subscribed: AtomicBool,
    queued: AtomicUsize,
    counters: Mutex<BTreeMap<&'static str, u64>>,
    inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    /// By message id.
    pub(crate) running: HashMap<String, Running>,
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    pub(crate) last_message: Option<SystemTime>,
    pub(crate) last_error: Option<(SystemTime, String)>,
    /// When a handler last began or ended.
    pub(crate) moved: Instant,
    /// Since when the journal has taken nothing, and why.
    pub(crate) held_up: Option<(Instant, String)>,
}

/// A handler that has begun and not ended.
pub(crate) struct Running {
    pub(crate) rule: Option<String>,
    pub(crate) incident: Option<i64>,
    pub(crate) since: SystemTime,
    pub(crate) seat: Arc<Seat>,
}

impl Vitals {
    pub(crate) fn new() -> Self {
        Self {
            begun: SystemTime::now(),
            connection: OnceLock::new(),
            subscribed: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            counters: Mutex::default(),
            inner: Mutex::new(Inner {
                running: HashMap::new(),
                handled: 0,
                failed: 0,
                last_message: None,
                last_error: None,
                moved: Instant::now(),
                held_up: None,
            }),
        }
    }

    /// Messages have arrived, and the journal has noted them.
    pub(crate) fn arrived(&self) {
        let mut inner = self.lock();
        inner.last_message = Some(SystemTime::now());
        inner.held_up = None;
    }

    /// The journal could not note something.
    pub(crate) fn held_up(&self, error: &Error) {
        let mut inner = self.lock();
        let since = inner.held_up.take().map_or_else(Instant::now, |(since, _)| since);
        inner.held_up = Some((since, error.to_string()));
    }

    /// The journal has noted something again, after it could not.
    pub(crate) fn journal_works(&self) {
        self.lock().held_up = None;
    }

    /// Adds to a counter of a side feature.
    pub(crate) fn count(&self, name: &'static str, more: u64) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += more;
    }

    /// The counters that count something.
    pub(crate) fn counters(&self) -> BTreeMap<&'static str, u64> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A message waits for its turn until this is dropped.
    pub(crate) fn queue(&self) -> Queued<'_> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        Queued(&self.queued)
    }

    /// How many messages wait for their turn.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// A handler runs until this is dropped.
    pub(crate) fn run<'a>(
        &'a self,
        id: &'a str,
        rule: Option<&str>,
        incident: Option<i64>,
        seat: &Arc<Seat>,
    ) -> RunGuard<'a> {
        let running = Running {
            rule: rule.map(str::to_owned),
            incident,
            since: SystemTime::now(),
            seat: Arc::clone(seat),
        };
        let mut inner = self.lock();
        inner.moved = Instant::now();
        inner.running.insert(id.to_owned(), running);
        RunGuard { vitals: self, id }
    }

    /// The journal has noted a message's final reply.
    pub(crate) fn finished(&self, reply: &Reply) {
        let mut inner = self.lock();
        inner.handled += 1;
        inner.held_up = None;
        if reply.is_error() {
            inner.failed += 1;
            inner.last_error = Some((SystemTime::now(), reply.text().to_owned()));
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Vitals::queue`].
pub(crate) struct Queued<'a>(&'a AtomicUsize);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See [`Vitals::run`].
pub(crate) struct RunGuard<'a> {
    vitals: &'a Vitals,
    id: &'a str,
}

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        let mut inner = self.vitals.lock();
        inner.moved = Instant::now();
        inner.running.remove(self.id);
    }
}
