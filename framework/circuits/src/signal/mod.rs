//! What happens to each message, published as it happens: for the console, for listeners and for extensions.
//! Publishing never waits, and whoever falls behind loses signals rather than holding up an acknowledgement.

mod facts;
mod kind;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::broadcast;

pub use facts::{
    AboutAction, AboutBroker, AboutIncident, AboutMessage, AboutOrg, AboutRule, ActionAnswered,
    ActionCompleted, ActionFailed, ActionProgress, ActionReceived, ActionResult, ActionSetAside,
    ActionStarted, ActionWaiting, BrokerDisconnected, DestinationSubscribed, Progress, RunnerReady,
    RunnerStopping, Waiting,
};
pub use kind::{EventKind, EventKinds};

/// How many signals a reader may fall behind.
const BUFFER: usize = 1024;

/// The facts of one kind of signal.
pub trait Facts: Clone + Send + Sync + serde::Serialize + 'static {
    /// The kind that these facts belong to.
    const KIND: EventKind;

    /// The facts, if the signal is of this kind.
    fn of(signal: &Signal) -> Option<&Self>;
}

macro_rules! signals {
    ($($name:ident),* $(,)?) => {
        /// One step in the life of a message, or of the connection.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Signal {
            $(
                #[doc = concat!("See [`", stringify!($name), "`].")]
                $name($name),
            )*
        }

        impl Signal {
            /// Its kind.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$name(_) => EventKind::$name,)*
                }
            }
        }

        $(
            impl Facts for $name {
                const KIND: EventKind = EventKind::$name;

                fn of(signal: &Signal) -> Option<&Self> {
                    match signal {
                        Signal::$name(facts) => Some(facts),
                        _ => None,
                    }
                }
            }

            impl From<$name> for Signal {
                fn from(facts: $name) -> Self {
                    Self::$name(facts)
                }
            }
        )*
    };
}

signals! {
    ActionReceived,
    ActionStarted,
    ActionProgress,
    ActionWaiting,
    ActionCompleted,
    ActionFailed,
    ActionSetAside,
    ActionAnswered,
    RunnerReady,
    RunnerStopping,
    DestinationSubscribed,
    BrokerDisconnected,
}

/// Where signals are published.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    sender: broadcast::Sender<Signal>,
    /// The kinds that anybody hears of.
    heard: Arc<AtomicU32>,
}

impl Bus {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::channel(BUFFER).0, heard: Arc::default() }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.listen(EventKinds::all())
    }

    /// A receiver for whom signals of these kinds suffice; it may get others too.
    pub(crate) fn listen(&self, kinds: EventKinds) -> broadcast::Receiver<Signal> {
        self.heard.fetch_or(kinds.bits(), Ordering::Relaxed);
        self.sender.subscribe()
    }

    /// Builds the signal, which is of this kind, only when somebody hears of it.
    pub(crate) fn emit<S: Into<Signal>>(&self, kind: EventKind, signal: impl FnOnce() -> S) {
        let heard = EventKinds::from_bits(self.heard.load(Ordering::Relaxed));
        if heard.contains(kind) && self.sender.receiver_count() > 0 {
            let _ = self.sender.send(signal().into());
        }
    }
}
