//! Builds everything from the configuration, checks it, subscribes, and runs until it is told to stop: the whole program apart
//! from its command line.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use circuits_rest::Client;
use circuits_stomp::{Session, Subscription};
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::account::Accounts;
use crate::callback::Callbacks;
use crate::config::Config;
use crate::delivery::headroom::Headroom;
use crate::delivery::in_flight::InFlight;
use crate::delivery::intake::Intake;
use crate::delivery::lanes::Lanes;
use crate::delivery::run::Run;
use crate::delivery::settle::Settler;
use crate::delivery::submit::{Submission, Submitter};
use crate::extension::Context;
use crate::journal::{Journal, MemoryJournal};
use crate::listener;
use crate::message::DestinationName;
use crate::recording::Recorder;
use crate::registry::{self, Registration};
use crate::runtime::announcer::Announcer;
use crate::runtime::connect;
use crate::runtime::following::{closed, follow, subscribe};
use crate::runtime::functions;
use crate::runtime::health::Health;
use crate::runtime::live::Live;
use crate::runtime::log_control::LogControl;
use crate::runtime::reload::Reloader;
use crate::runtime::rules::Rules;
use crate::runtime::run_error::RunError;
use crate::runtime::shared::Shared;
use crate::runtime::steering::Steering;
use crate::runtime::timer::Timers;
use crate::runtime::vitals::Vitals;
use crate::signal::{Bus, RunnerReady, RunnerStopping, Signal};
use crate::store::{MemoryStore, Store};
use crate::web::Web;

/// How long the last flush to the broker may take at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A runner that has logged in to the platform and built its components; [`run`](Self::run) does the rest.
pub struct Runner {
    /// `None` with `stomp=false`.
    session_options: Option<circuits_stomp::Options>,
    shared: Arc<Shared>,
    journal: Arc<dyn Journal>,
    reply_mode: crate::config::ReplyMode,
    reply_retries: Option<u32>,
    lanes: Lanes,
    timers: Timers,
    /// Sorted by destination.
    subscriptions: Vec<Subscription>,
    submitter: Submitter,
    submissions: mpsc::UnboundedReceiver<Submission>,
    bus: Bus,
    store: Arc<dyn Store>,
    callbacks: Callbacks,
    log: Option<LogControl>,
    /// By an extension.
    asked_to_stop: CancellationToken,
}

impl Runner {
    /// Logs in, builds the components that are linked and not in `noload`, and fetches the rule list.
    ///
    /// `on_secret` is called with every secret that the login brings (session ids, tokens), so that a log can hide them.
    ///
    /// # Errors
    /// Whatever keeps the runner from ever working, with the cure in its text: see [`RunError`].
    pub async fn prepare(
        config: impl Into<Arc<Config>>,
        on_secret: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, RunError> {
        Self::with_components(config, &registry::registrations(), on_secret).await
    }

    /// [`prepare`](Self::prepare) with these components instead of the linked ones.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare).
    pub async fn with_components(
        config: impl Into<Arc<Config>>,
        linked: &[&'static Registration],
        on_secret: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, RunError> {
        let config = config.into();
        let settings = config.settings();
        let registrations = registry::select(linked, &settings.noload).map_err(RunError::components)?;
        let session_options = settings.stomp.then(|| connect::stomp_options(settings)).transpose();
        let session_options = session_options.map_err(RunError::stomp)?;
        let recorder = Recorder::of(&config).map_err(RunError::components)?;
        let options = connect::recorded_options(settings, on_secret, recorder.as_ref());
        let client = Client::connect(options).await.map_err(RunError::rest)?;
        if !client.org().actions_framework_enabled {
            return Err(RunError::components(crate::Error::new(format_args!(
                "The org `{}` has no action module (actions_framework_enabled is false), so no message will ever come. Ask the \
                 platform's administrator to enable it",
                client.org().name
            ))));
        }
        let live = Live::build(&config, &registrations, &client).await?;
        let rules = Rules::load(client.clone()).await.map_err(RunError::rest)?;
        match functions::misplaced(&client.with_token(None), live.loaded()).await {
            Ok(wrong) => wrong.iter().for_each(|text| warn!("{text}")),
            Err(error) => warn!(%error, "The platform's list of functions could not be fetched"),
        }
        let org = client.org().id;
        let mut subscriptions = Vec::new();
        let mut headroom = HashMap::new();
        for queue in live.routes.destinations() {
            let prefetch = settings.prefetch(live.routes.waits(queue));
            if settings.stomp {
                let destination = DestinationName::actions(org, queue).to_string();
                subscriptions.push(Subscription { destination, prefetch });
            }
            headroom.insert(queue.to_owned(), Arc::new(Headroom::new(queue, prefetch)));
        }
        let (submitter, submissions) = Submitter::new(org);
        info!(num_workers = settings.num_workers, "Components loaded");
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        Ok(Self {
            session_options,
            reply_mode: settings.reply_mode,
            reply_retries: settings.stomp_max_retries,
            lanes: Lanes::new(settings.num_workers),
            timers: Timers {
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
                abort: CancellationToken::new(),
            },
            subscriptions,
            shared: Arc::new(Shared {
                live: RwLock::new(Arc::new(live)),
                rules,
                client,
                vitals: Arc::new(Vitals::new()),
                headroom,
                recorder,
            }),
            submitter,
            submissions,
            journal: Arc::new(MemoryJournal::default()),
            bus: Bus::new(),
            callbacks: Callbacks::new(Arc::clone(&store)),
            store,
            log: None,
            asked_to_stop: CancellationToken::new(),
        })
    }

    /// Remembers messages in `journal` instead of in memory.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = journal;
        self
    }

    /// Lets side features keep their records in `store` instead of in memory.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.callbacks = Callbacks::new(Arc::clone(&store));
        self.store = store;
        self
    }

    /// Lets those who steer this runner change the level of the log.
    #[must_use]
    pub fn log_control(mut self, log: LogControl) -> Self {
        self.log = Some(log);
        self
    }

    /// The signals of what happens to each message, from now on.
    pub fn signals(&self) -> broadcast::Receiver<Signal> {
        self.bus.subscribe()
    }

    /// The handle that hands this runner messages that do not come from a broker.
    pub fn submitter(&self) -> Submitter {
        self.submitter.clone()
    }

    /// The handle that reports how this runner is doing while it runs.
    pub fn health(&self) -> Health {
        Health {
            shared: Arc::clone(&self.shared),
            outbox: self.journal.outbox(),
            pauses: self.lanes.pauses().clone(),
        }
    }

    /// The handle that changes what this runner does while it runs.
    pub fn steering(&self) -> Steering {
        Steering {
            shared: Arc::clone(&self.shared),
            pauses: self.lanes.pauses().clone(),
            store: Arc::clone(&self.store),
            log: self.log.clone(),
        }
    }

    /// What extensions get from this runner.
    pub fn context(&self) -> Context {
        let web = Web::default();
        super::web::mount(&web, &self.shared, &self.store);
        Context {
            health: self.health(),
            submitter: self.submitter(),
            bus: self.bus.clone(),
            store: Arc::clone(&self.store),
            outbox: self.journal.outbox(),
            history: self.journal.history(),
            steering: self.steering(),
            message_events: Arc::default(),
            callbacks: self.callbacks.clone(),
            accounts: Accounts::new(Arc::clone(&self.store)),
            web,
            stop: CancellationToken::new(),
            runner_stop: self.asked_to_stop.clone(),
        }
    }

    /// The handle that applies a changed configuration to this runner while it runs.
    pub fn reloader(&self) -> Reloader {
        Reloader {
            shared: Arc::clone(&self.shared),
            lanes: self.lanes.clone(),
            timers: self.timers.clone(),
            started: Arc::clone(&self.shared.live().config),
            turn: Mutex::default(),
        }
    }

    /// Connects, subscribes and handles actions until `shutdown` resolves; then lets running handlers finish, leaves the other
    /// messages with the broker and disconnects.
    ///
    /// # Errors
    /// Only for what can never work: a broker that refuses certificate, credentials or a subscription at start.
    /// A connection that breaks later is re-established, however long that takes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        self.steering().restore().await;
        let destinations = self.destinations();
        let asked_to_stop = self.asked_to_stop.clone();
        let listening = {
            let live = self.shared.live();
            listener::start(&self.bus, &self.shared.vitals, &live.config.settings().noload)
        };
        let announcer = Announcer { bus: self.bus.clone(), outbox: self.journal.outbox() };
        let (session, mut deliveries) = self.session_options.map_or_else(Session::off, Session::start);
        let state = session.state();
        let shared = Arc::clone(&self.shared);
        shared.vitals.connection.get_or_init(|| state.clone());
        let Timers { tasks, stop, abort } = self.timers.clone();
        let settler = Settler {
            session: session.clone(),
            journal: self.journal,
            in_flight: Arc::new(InFlight::default()),
            mode: self.reply_mode,
            retries: self.reply_retries,
            bus: self.bus.clone(),
            vitals: Arc::clone(&shared.vitals),
            abort: abort.clone(),
        };
        let run = Run { shared: self.shared, settler, lanes: self.lanes, callbacks: self.callbacks, abort };
        let intake = Intake::new(run.clone(), tasks.clone());

        let mut ended = pin!(async {
            let ended = async {
                tokio::join!(
                    intake.run(&mut deliveries, stop.clone()),
                    follow(state.clone(), &destinations, &announcer, stop.clone()),
                );
            };
            tokio::select! {
                () = ended => {}
                never = intake.run_again(&stop) => match never {},
                never = intake.run_submissions(self.submissions) => match never {},
            }
        });
        let mut subscribed = pin!(subscribe(&session, self.subscriptions, &announcer));
        let mut shutdown = pin!(async {
            tokio::select! {
                () = shutdown => {}
                () = asked_to_stop.cancelled() => {}
            }
        });
        let outcome = tokio::select! {
            () = &mut shutdown => Ok(()),
            () = &mut ended => Err(closed(&state)),
            result = &mut subscribed => match result {
                Err(error) => Err(error),
                Ok(()) => {
                    shared.vitals.subscribed.store(true, Ordering::Relaxed);
                    self.timers.start(shared.live().new_timers(None));
                    announcer.announce(RunnerReady { destinations: destinations.clone() });
                    info!("resilient-circuits has started successfully and is now running...");
                    tokio::select! {
                        () = &mut shutdown => Ok(()),
                        () = &mut ended => Err(closed(&state)),
                    }
                }
            },
        };
        stop.cancel();
        announcer.announce(RunnerStopping { held: run.settler.in_flight.len() });
        // Also when it ends with an error: what runs may finish, and no attempt stays counted.
        drain(&run, &tasks).await;
        if let Err(error) = session.close(CLOSE_TIMEOUT).await {
            warn!(%error, "The connection was not closed in an orderly way; the broker redelivers messages it has no ACK for");
        }
        listening.stop().await;
        outcome
    }

    /// The full names of the message destinations it will listen on, sorted.
    pub fn destinations(&self) -> Vec<String> {
        self.subscriptions.iter().map(|subscription| subscription.destination.clone()).collect()
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("destinations", &self.destinations()).finish_non_exhaustive()
    }
}

/// Lets running handlers finish within the grace time. Waiting messages are dropped un-acknowledged, which makes the broker
/// give them to another runner. There is no UNSUBSCRIBE before that: ActiveMQ would at once redeliver the messages that are
/// still handled.
async fn drain(run: &Run, tasks: &TaskTracker) {
    let grace = run.shared.live().config.settings().shutdown_timeout;
    run.lanes.close();
    tasks.close();
    info!(
        held = run.settler.in_flight.len(),
        grace_s = grace.as_secs(),
        "Stopping: running handlers may finish"
    );
    if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
        error!(
            "Some handlers did not finish within shutdown_timeout; they are stopped and their messages stay with the broker"
        );
        run.abort.cancel();
        // A reply that the broker does not take just now must not hold up the end.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, tasks.wait()).await;
    }
}
