//! Takes events from the outbox, finds out who wants them, and delivers them: one loop for the outbox, one worker for each
//! target, so that a target that hangs holds up nobody else.

mod attempt;
mod dispatch;
mod target;
mod worker;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use circuits::account::{Accounts, UserAccount};
use circuits::outbox::Outbox;
use circuits::redact::Redactor;
use circuits::{Callbacks, EventKind, EventKinds, Health, Result};
use tokio::sync::Notify;
use tracing::{error, warn};

use crate::book::{Book, StoredEvent};
use crate::policy::Policy;
use crate::receive::Received;
use crate::schema::{AboutSubscription, SubscriptionDisabled};
use crate::send::Sender;
use crate::subscription::Subscription;

pub(crate) use target::{Hook, Live};

/// What the settings say about deliveries.
pub(crate) struct Options {
    /// Tries for a subscriber.
    pub(crate) tries: u32,
    /// Time for one call to a subscriber or the policy.
    pub(crate) timeout: Duration,
    /// How many events, and deliveries for one target, may wait.
    pub(crate) most: u64,
    /// How long events and their deliveries are kept.
    pub(crate) keep: Option<Duration>,
    /// The environment variables that subscriptions may use.
    pub(crate) variables: Vec<String>,
    /// Whether there are subscriptions.
    pub(crate) subscriptions: bool,
    /// What `callback_url` begins with; `None` without an HTTP listener.
    pub(crate) callback_base: Option<String>,
    /// The name of this host.
    pub(crate) host: String,
    /// The pause after so many failures in a row.
    pub(crate) pause: fn(u32) -> Duration,
}

/// Everything that the loop, the workers and the HTTP side share.
pub(crate) struct Engine {
    pub(crate) book: Book,
    outbox: Arc<dyn Outbox>,
    sender: Sender,
    policy: Policy,
    hooks: Vec<Hook>,
    pub(crate) options: Options,
    callbacks: Callbacks,
    accounts: Accounts,
    health: Health,
    redactor: Redactor,
    subscriptions: RwLock<Arc<Vec<Live>>>,
    /// Whether subscriptions have changed since they were read.
    changed: AtomicBool,
    /// The accounts that they were read with. Held while they are read, so that nobody goes on with those of before.
    accounts_read: tokio::sync::Mutex<Vec<UserAccount>>,
    /// Wakes the loop.
    wake: Notify,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
}

/// What an engine is made of.
pub(crate) struct Parts {
    pub(crate) book: Book,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) sender: Sender,
    pub(crate) policy: Policy,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) options: Options,
    pub(crate) callbacks: Callbacks,
    pub(crate) accounts: Accounts,
    pub(crate) health: Health,
    pub(crate) redactor: Redactor,
}

/// The deliveries that wait for one target.
#[derive(Default)]
struct Queue {
    waiting: AtomicU64,
    wake: Notify,
}

impl Engine {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { book, outbox, sender, policy, hooks, options, callbacks, accounts, health, redactor } =
            parts;
        Self {
            book,
            outbox,
            sender,
            policy,
            hooks,
            options,
            callbacks,
            accounts,
            health,
            redactor,
            subscriptions: RwLock::default(),
            changed: AtomicBool::new(true),
            accounts_read: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            queues: Mutex::default(),
        }
    }

    /// Has the journal note what somebody may want, from now on.
    pub(crate) fn keep(&self) {
        let kinds: EventKinds = match self.options.subscriptions {
            true => EventKinds::all(),
            false => self.hooks.iter().map(|hook| hook.webhook.kind()).collect(),
        };
        self.outbox.keep(kinds, self.options.most);
    }

    /// A subscription was added or changed: the next event is held against it.
    pub(crate) fn subscriptions_changed(&self) {
        self.changed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Stores events from outside, for the subscribers who want them. Their deliveries survive a crash from here on.
    pub(crate) async fn accept(&self, received: Vec<Received>) -> Result<Vec<String>> {
        self.refresh().await?;
        let now = jiff::Timestamp::now();
        let mut keys = Vec::new();
        let mut events = Vec::new();
        for Received { event, original } in received {
            let event = StoredEvent::new(event, original, now);
            keys.push(event.key.clone());
            let targets = self.subscribers(&event);
            events.push((event, targets));
        }
        self.store(events).await?;
        // Whoever sent them forgets them now.
        self.book.flush().await?;
        Ok(keys)
    }

    /// Switches a subscription off, and tells those webhooks that want to know.
    async fn disable(&self, subscription: &Subscription, error: &str) {
        let switched = async {
            // It may have been changed meanwhile; a change that brought it to another target starts afresh.
            let uuid = subscription.uuid.to_string();
            let Some(mut now) = self.book.subscription(&uuid).await? else { return Ok(false) };
            if now.disabled.is_some() || now.updated != subscription.updated {
                return Ok(false);
            }
            now.disabled = Some(jiff::Timestamp::now());
            now.error = Some(error.to_owned());
            self.book.put_subscription(&now).await?;
            Ok::<_, circuits::Error>(true)
        };
        match switched.await {
            Ok(false) => {}
            Ok(true) => {
                warn!(
                    subscription = %subscription.uuid, name = subscription.name, user = subscription.user, error,
                    "The subscription is switched off; PUT {{\"disabled\": null, \"error\": null}} or `circuits subscriptions enable` brings it back"
                );
                self.subscriptions_changed();
                let data = SubscriptionDisabled {
                    subscription: AboutSubscription {
                        uuid: subscription.uuid.to_string(),
                        name: subscription.name.clone(),
                        user: subscription.user.clone(),
                        error: error.to_owned(),
                    },
                };
                let data = serde_json::to_string(&data).unwrap_or_default();
                self.outbox.note(EventKind::SubscriptionDisabled, data);
            }
            Err(error) => {
                error!(%error, subscription = %subscription.uuid, "The subscription could not be switched off")
            }
        }
    }

    fn live(&self) -> Arc<Vec<Live>> {
        Arc::clone(&self.subscriptions.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn queue(&self, target: &str) -> Arc<Queue> {
        Arc::clone(self.queues().entry(target.to_owned()).or_default())
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
