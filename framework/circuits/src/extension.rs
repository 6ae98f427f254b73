//! Side features that live beside the delivery of messages: a crate registers an [`Extension`] in the same way as a component;
//! the runner opens it before it connects, starts it when its components are built, and stops it at the end.
//!
//! An extension never sees a delivery, a frame or the session, so it cannot delay or fail an acknowledgement. All it gets is
//! the [`Context`].

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, info_span};

use crate::account::Accounts;
use crate::callback::Callbacks;
use crate::config::Config;
use crate::history::{History, MessageEvents, RegisteredEvents};
use crate::outbox::Outbox;
use crate::runtime::beside::Beside;
pub use crate::runtime::own_thread::own_thread;
use crate::signal::Bus;
use crate::store::Store;
use crate::web::Web;
use crate::{Error, Health, Result, Signal, Steering, Submitter};

/// The future of an extension.
pub type ExtensionFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes what an extension needs (ports, files); `None` if the settings do not ask for it.
pub type Open = fn(&Config) -> ExtensionFuture<'_, Result<Option<Box<dyn Opened>>>>;

/// Looks for faults in what the settings name.
pub type Check = fn(&Config) -> Findings;

/// What a [`Check`] found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What keeps the runner from starting, each with its place and its cure.
    pub faults: Vec<String>,
    /// What an operator should know as well.
    pub warnings: Vec<String>,
    /// What was found in order, in a few words.
    pub notes: Vec<String>,
}

/// How an extension makes itself known; const, so that [`register!`](crate::register) can place it at link time.
///
/// ```
/// use circuits::extension::{Context, Extension, ExtensionFuture, Opened};
/// use circuits::prelude::*;
///
/// circuits::register! { Extension::new("counter", |_| Box::pin(async { Ok(Some(Box::new(Counter) as _)) })).about("counts") }
///
/// struct Counter;
///
/// impl Opened for Counter {
///     fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
///         Box::pin(async move {
///             let mut signals = context.signals();
///             tokio::select! {
///                 () = async { while signals.recv().await.is_ok() { /* count it */ } } => {}
///                 () = context.stopped() => {}
///             }
///         })
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Extension {
    name: &'static str,
    version: &'static str,
    about: &'static str,
    open: Open,
    check: Option<Check>,
    parts: Option<fn() -> Vec<&'static str>>,
}

inventory::collect!(Extension);

impl Extension {
    /// An extension with its name, as in `noload` and `circuits list`.
    pub const fn new(name: &'static str, open: Open) -> Self {
        Self { name, version: "", about: "", open, check: None, parts: None }
    }

    /// The extension's version; usually `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// What it is for, in a few words: `circuits list` shows them.
    #[must_use]
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Checks what the settings name, without opening or connecting to anything: for `circuits config check`.
    #[must_use]
    pub const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Names the parts that `noload` may leave out one by one; leaving them out is up to the extension.
    #[must_use]
    pub const fn parts(mut self, parts: fn() -> Vec<&'static str>) -> Self {
        self.parts = Some(parts);
        self
    }

    /// The names of its parts.
    pub(crate) fn part_names(&self) -> Vec<&'static str> {
        self.parts.map_or_else(Vec::new, |parts| parts())
    }

    /// What is wrong with what the settings name.
    pub(crate) fn checked(&self, config: &Config) -> Findings {
        self.check.map_or_else(Findings::default, |check| check(config))
    }

    /// The extension's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The extension's version; empty if it gave none.
    pub fn extension_version(&self) -> &'static str {
        self.version
    }

    /// What it is for; empty if it does not say.
    pub fn purpose(&self) -> &'static str {
        self.about
    }
}

/// Every linked extension, sorted by name.
pub fn extensions() -> Vec<&'static Extension> {
    let mut all: Vec<_> = inventory::iter::<Extension>.into_iter().collect();
    all.sort_by_key(|extension| extension.name);
    all
}

/// An extension that has taken what it needs and waits for the runner.
pub trait Opened: Send {
    /// Whether it keeps records. Unless one extension says so, the runner does not open the store that the settings name, and
    /// [`Context::store`] is one in memory.
    fn keeps_records(&self) -> bool {
        false
    }

    /// Is called before the runner connects, so that no message comes before what is set up here: routes, and the events that
    /// the journal is to note.
    fn attach(&mut self, context: &Context) {
        let _ = context;
    }

    /// Works beside the runner until [`Context::stopped`]. It then has 5 seconds to end; after that it is dropped. A panic ends
    /// the extension and nothing else.
    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()>;
}

/// What an extension gets from its runner. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(crate) health: Health,
    pub(crate) submitter: Submitter,
    pub(crate) bus: Bus,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) outbox: Option<Arc<dyn Outbox>>,
    pub(crate) history: Option<Arc<dyn History>>,
    pub(crate) steering: Steering,
    pub(crate) message_events: RegisteredEvents,
    pub(crate) callbacks: Callbacks,
    pub(crate) accounts: Accounts,
    pub(crate) web: Web,
    pub(crate) stop: CancellationToken,
    pub(crate) runner_stop: CancellationToken,
}

impl Context {
    /// The signals of what happens to each message, from now on. A receiver that falls behind loses signals.
    pub fn signals(&self) -> broadcast::Receiver<Signal> {
        self.bus.subscribe()
    }

    /// The handle that reports how the runner is doing.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The handle that hands the runner messages that do not come from a broker.
    pub fn submitter(&self) -> &Submitter {
        &self.submitter
    }

    /// Where an extension keeps records; whether they outlive the process is up to `store` in app.config.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The events that others must hear of; `None` without a journal in a file.
    pub fn outbox(&self) -> Option<&Arc<dyn Outbox>> {
        self.outbox.as_ref()
    }

    /// What became of each message; `None` without a journal in a file.
    pub fn history(&self) -> Option<&Arc<dyn History>> {
        self.history.as_ref()
    }

    /// The events about each message; `None` unless an extension knows them.
    pub fn message_events(&self) -> Option<&Arc<dyn MessageEvents>> {
        self.message_events.get()
    }

    /// Lets others know the events about each message, in [`attach`](Opened::attach). The first one counts.
    pub fn register_message_events(&self, events: Arc<dyn MessageEvents>) {
        let _ = self.message_events.set(events);
    }

    /// What an operator may change while the runner runs.
    pub fn steering(&self) -> &Steering {
        &self.steering
    }

    /// Where answers to callbacks are handed in.
    pub fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    /// Who may use the HTTP side.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Where routes of the HTTP listener are mounted, in [`attach`](Opened::attach).
    pub fn web(&self) -> &Web {
        &self.web
    }

    /// Asks the runner to stop in an orderly way, as SIGTERM does: what runs may finish within the grace time.
    pub fn stop_runner(&self) {
        self.runner_stop.cancel();
    }

    /// Resolves when the runner has stopped and the extension must end.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// The extensions that the settings ask for, opened.
#[derive(Default)]
pub struct Extensions {
    opened: Vec<(&'static str, Box<dyn Opened>)>,
}

impl Extensions {
    /// Opens the linked extensions that the settings ask for and `noload` does not name.
    ///
    /// # Errors
    /// What keeps them from working, collected from all of them: a port that is taken, a value that is invalid.
    pub async fn open(config: &Config) -> Result<Self> {
        let noload = &config.settings().noload;
        let (mut opened, mut faults) = (Vec::new(), Vec::new());
        for extension in extensions() {
            if noload.iter().any(|name| name == extension.name) {
                continue;
            }
            match (extension.open)(config).await {
                Ok(Some(one)) => opened.push((extension.name, one)),
                Ok(None) => {}
                Err(error) => faults.push(error.to_string()),
            }
        }
        if faults.is_empty() { Ok(Self { opened }) } else { Err(Error::new(faults.join("\n"))) }
    }

    /// Whether one of them keeps records, so that the store must be opened.
    pub fn keep_records(&self) -> bool {
        self.opened.iter().any(|(_, one)| one.keeps_records())
    }

    /// Starts them beside a runner.
    pub fn start(mut self, context: Context) -> Attached {
        let beside = Beside::new("extensions", context.stop.clone());
        for (_, opened) in &mut self.opened {
            opened.attach(&context);
        }
        for (name, opened) in self.opened {
            let context = context.clone();
            let run = async move { opened.run(context).await };
            let run = async move {
                match AssertUnwindSafe(run).catch_unwind().await {
                    Ok(()) => info!("The extension has ended"),
                    Err(_) => error!("The extension panicked; the runner goes on without it"),
                }
            };
            beside.spawn(run, info_span!("extension", name));
        }
        Attached { beside, web: context.web }
    }
}

impl std::fmt::Debug for Extensions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.opened.iter().map(|(name, _)| name)).finish()
    }
}

/// Running extensions.
#[derive(Debug)]
pub struct Attached {
    beside: Beside,
    web: Web,
}

impl Attached {
    /// Tells them to end, and waits until they have, for at most 5 seconds.
    pub async fn stop(self) {
        self.beside.stop().await;
        // Routes hold what they were made of, often the context with these routes in it.
        self.web.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TEXT: &str = "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\n";

    struct Broken;

    impl Opened for Broken {
        fn run(self: Box<Self>, _: Context) -> ExtensionFuture<'static, ()> {
            Box::pin(async { panic!("broken") })
        }
    }

    crate::register! { Extension::new("unwanted", |_| Box::pin(async { Ok(None) })) }
    crate::register! { Extension::new("broken", |_| Box::pin(async { Ok(Some(Box::new(Broken) as _)) })) }
    crate::register! { Extension::new("refused", |config| {
        let port = config.settings().health_port;
        Box::pin(async move { if port == Some(1) { Err(Error::new("health_port: 1 is taken")) } else { Ok(None) } })
    }) }

    async fn open(resilient: &str) -> Result<Extensions> {
        Extensions::open(&Config::from_text(&format!("{TEXT}{resilient}")).unwrap()).await
    }

    #[tokio::test]
    async fn only_what_is_asked_for_and_not_left_out_is_opened() {
        assert_eq!(format!("{:?}", open("").await.unwrap()), "[\"broken\"]");
        assert_eq!(format!("{:?}", open("noload=broken\n").await.unwrap()), "[]");
        assert!(open("health_port=1\n").await.unwrap_err().to_string().contains("1 is taken"));
    }

    #[test]
    fn they_are_listed_by_name() {
        assert_eq!(
            extensions().iter().map(|one| one.name()).collect::<Vec<_>>(),
            ["broken", "refused", "unwanted"]
        );
    }
}
