//! What a runner is doing and how well. Each part keeps its own entries up to date, and [`Health`](crate::Health) reports them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use circuits_stomp::State;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::delivery::about::About;
use crate::delivery::seat::Seat;
use crate::runtime::held::{HeldAction, HeldState};
use crate::runtime::steering::NotSetAside;
use crate::{Error, Reply};

/// The vitals of one runner.
pub(crate) struct Vitals {
    pub(crate) begun: SystemTime,
    /// The state of the connection to the broker, once there is a session.
    pub(crate) connection: OnceLock<watch::Receiver<State>>,
    /// Whether every destination was subscribed to.
    pub(crate) subscribed: AtomicBool,
    counters: Mutex<BTreeMap<&'static str, u64>>,
    inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    /// By message id.
    pub(crate) held: HashMap<String, Held>,
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    pub(crate) last_message: Option<SystemTime>,
    pub(crate) last_error: Option<(SystemTime, String)>,
    /// When a handler last began or ended.
    pub(crate) moved: Instant,
    /// Since when the journal has taken nothing, and why.
    pub(crate) held_up: Option<(Instant, String)>,
}

/// A message that waits for its turn, or whose handler has begun and not ended.
pub(crate) struct Held {
    pub(crate) about: Arc<About>,
    /// When it came or, once its handler has begun, when that was.
    pub(crate) since: SystemTime,
    /// Once its handler has begun.
    pub(crate) seat: Option<Arc<Seat>>,
    /// Tells its task who has set it aside; gone once somebody has.
    aside: Option<oneshot::Sender<String>>,
}

impl Held {
    pub(crate) fn state(&self) -> HeldState {
        match &self.seat {
            None => HeldState::Queued,
            Some(seat) if seat.is_at_work() => HeldState::Running,
            Some(_) => HeldState::Waiting,
        }
    }
}

impl Vitals {
    pub(crate) fn new() -> Self {
        Self {
            begun: SystemTime::now(),
            connection: OnceLock::new(),
            subscribed: AtomicBool::new(false),
            counters: Mutex::default(),
            inner: Mutex::new(Inner {
                held: HashMap::new(),
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

    /// A message is held, at first waiting for its turn, until the guard is dropped. The receiver hears who has set it aside.
    pub(crate) fn hold<'a>(&'a self, about: &'a Arc<About>) -> (HoldGuard<'a>, oneshot::Receiver<String>) {
        let (aside, set_aside) = oneshot::channel();
        let (about_it, since) = (Arc::clone(about), SystemTime::now());
        let held = Held { about: about_it, since, seat: None, aside: Some(aside) };
        self.lock().held.insert(about.id.clone(), held);
        (HoldGuard { vitals: self, id: &about.id }, set_aside)
    }

    /// The handler of a message that is held begins. False if the message was set aside before.
    pub(crate) fn begin(&self, id: &str, seat: &Arc<Seat>) -> bool {
        let mut inner = self.lock();
        inner.moved = Instant::now();
        let Some(held) = inner.held.get_mut(id).filter(|held| held.aside.is_some()) else { return false };
        (held.since, held.seat) = (SystemTime::now(), Some(Arc::clone(seat)));
        true
    }

    /// Sets a message aside that waits or is queued.
    pub(crate) fn set_aside(&self, id: &str, by: &str) -> Result<(), NotSetAside> {
        let mut inner = self.lock();
        let held = inner.held.get_mut(id).ok_or(NotSetAside::Gone)?;
        if held.seat.as_ref().is_some_and(|seat| !seat.set_aside()) {
            return Err(NotSetAside::AtWork);
        }
        let aside = held.aside.take().ok_or(NotSetAside::Gone)?;
        aside.send(by.to_owned()).map_err(|_| NotSetAside::Gone)
    }

    /// Every message that is held.
    pub(crate) fn held(&self) -> Vec<HeldAction> {
        let inner = self.lock();
        let held = inner.held.values().map(|held| HeldAction {
            about: Arc::clone(&held.about),
            since: held.since,
            state: held.state(),
            seat: held.seat.clone(),
        });
        held.collect()
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

/// See [`Vitals::hold`].
pub(crate) struct HoldGuard<'a> {
    vitals: &'a Vitals,
    id: &'a str,
}

impl Drop for HoldGuard<'_> {
    fn drop(&mut self) {
        let mut inner = self.vitals.lock();
        if inner.held.remove(self.id).is_some_and(|held| held.seat.is_some()) {
            inner.moved = Instant::now();
        }
    }
}
