//! Functions of a user's crate that hear of what happens to actions, beside the way of the messages: whatever they do, no reply
//! is later, other or lost because of them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, info_span, warn};

use crate::runtime::beside::Beside;
use crate::runtime::vitals::Vitals;
use crate::signal::{Bus, EventKind, Signal};

/// The future of a listener.
pub type ListenerFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A function that hears of one kind of signal; [`listener!`](crate::listener) makes and registers it.
#[derive(Debug)]
pub struct Listener {
    name: &'static str,
    kind: EventKind,
    hear: fn(&Signal) -> Option<ListenerFuture>,
}

inventory::collect!(Listener);

impl Listener {
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        kind: EventKind,
        hear: fn(&Signal) -> Option<ListenerFuture>,
    ) -> Self {
        Self { name, kind, hear }
    }

    /// Its name, as in `noload` and `circuits list`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it hears of.
    pub fn kind(&self) -> EventKind {
        self.kind
    }
}

/// Registers an `async fn` that hears of one kind of signal, under a name.
///
/// It runs beside the messages: it gets the signals of its kind one after the other, and when it falls 1024 signals behind,
/// the oldest are lost to it and counted (`circuits status`). A panic ends one call and is counted too.
///
/// ```
/// use circuits::signal::ActionCompleted;
///
/// circuits::listener! { "audit", ActionCompleted => audit }
///
/// async fn audit(done: ActionCompleted) {
///     println!("{} {:?} {}", done.about.message.id, done.about.action.name, done.result.message);
/// }
/// ```
#[macro_export]
macro_rules! listener {
    ($name:literal, $facts:ty => $listen:path) => {
        $crate::__private::inventory::submit! {
            $crate::Listener::new($name, <$facts as $crate::signal::Facts>::KIND, |signal| {
                let facts = <$facts as $crate::signal::Facts>::of(signal)?.clone();
                ::core::option::Option::Some(::std::boxed::Box::pin($listen(facts)))
            })
        }
    };
}

/// Every linked listener, sorted by name.
pub fn listeners() -> Vec<&'static Listener> {
    let mut all: Vec<_> = inventory::iter::<Listener>.into_iter().collect();
    all.sort_by_key(|listener| listener.name);
    all
}

/// Starts the linked listeners, except those that `noload` names. At the end they hear what they have not heard yet.
pub(crate) fn start(bus: &Bus, vitals: &Arc<Vitals>, noload: &[String]) -> Beside {
    let stop = CancellationToken::new();
    let beside = Beside::new("listeners", stop.clone());
    for listener in listeners().into_iter().filter(|one| noload.iter().all(|name| name != one.name)) {
        info!(listener = listener.name, of = %listener.kind, "Listening");
        let (signals, vitals) = (bus.listen(listener.kind.into()), Arc::clone(vitals));
        let stop = stop.clone();
        let listen = async move { listen(listener, signals, &vitals, &stop).await };
        beside.spawn(listen, info_span!("listener", name = listener.name));
    }
    beside
}

async fn listen(
    listener: &'static Listener,
    mut signals: Receiver<Signal>,
    vitals: &Vitals,
    stop: &CancellationToken,
) {
    loop {
        let next = tokio::select! {
            biased;
            next = signals.recv() => next,
            () = stop.cancelled() => match signals.try_recv() {
                Ok(signal) => Ok(signal),
                Err(TryRecvError::Lagged(lost)) => Err(RecvError::Lagged(lost)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            },
        };
        match next {
            Ok(signal) => {
                let Some(heard) = (listener.hear)(&signal) else { continue };
                if AssertUnwindSafe(heard).catch_unwind().await.is_err() {
                    vitals.count("listener_errors", 1);
                    error!("The listener panicked; it goes on with the next signal");
                }
            }
            Err(RecvError::Lagged(lost)) => {
                vitals.count("signals_dropped", lost);
                warn!(lost, "The listener is too slow; signals were lost to it");
            }
            Err(RecvError::Closed) => return,
        }
    }
}
