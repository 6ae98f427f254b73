//! The loop that empties the outbox: each event is stored with the deliveries that it causes, and only then leaves the outbox.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use circuits::account::{OPERATOR, Rights, UserAccount};
use circuits::outbox::Noted;
use circuits::store::Record;
use circuits::{EventKind, Result};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::{Engine, Live};
use crate::book::Addressed;
use crate::book::StoredEvent;
use crate::envelope;
use crate::subscription::Subscription;

/// How many events are taken at a time.
const BATCH: u32 = 50;
/// How long events are gathered: so that they are not looked at while the action that they tell of is at work, and many at once.
const GATHER: Duration = Duration::from_millis(50);
/// How long stored events stay in the outbox as well, so that many of them cost one flush of the disk.
const FLUSH: Duration = Duration::from_millis(250);
/// How often the store is looked at for subscriptions that others changed.
const LOOK: Duration = Duration::from_secs(1);
/// How often old events are deleted, and how many at a time.
const TIDY: Duration = Duration::from_secs(60);
const TIDIED: u32 = 1000;
/// The pause after a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);
/// How long deliveries under way, and those of the last events, may take at the end.
const LAST: Duration = Duration::from_secs(3);

/// How far the events of the outbox have come.
#[derive(Default)]
struct Passage {
    /// The number of the last one that is stored.
    stored: i64,
    /// Since when some are stored that are in the outbox still.
    begun: Option<Instant>,
}

impl Passage {
    fn is_complete(&self) -> bool {
        self.begun.is_none()
    }
}

impl Engine {
    /// Works until `stop` resolves; then passes on what is left, for at most 3 seconds. The rest is passed on after the next start.
    pub(crate) async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut workers = Workers::default();
        let mut stop = pin!(stop);
        let (mut tidied, mut looked) = (Instant::now(), Instant::now());
        let mut passage = Passage::default();
        let arrivals = self.outbox.arrivals();
        loop {
            // However busy it is: others may have changed subscriptions.
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.changed.store(true, Ordering::Release);
            }
            let passed = self.pass_on(&mut passage).await;
            workers.start(&self).await;
            if tidied.elapsed() >= TIDY {
                tidied = Instant::now();
                self.tidy().await;
            }
            match passed {
                Ok(0) => {}
                // There may be more; but a stop comes first.
                Ok(_) => {
                    tokio::select! {
                        biased;
                        () = &mut stop => break,
                        () = std::future::ready(()) => continue,
                    }
                }
                Err(error) => {
                    error!(%error, "Events wait in the journal: they could not be passed on");
                    tokio::select! {
                        () = &mut stop => break,
                        () = tokio::time::sleep(PAUSE) => continue,
                    }
                }
            }
            tokio::select! {
                () = &mut stop => break,
                () = arrivals.notified() => tokio::select! {
                    () = &mut stop => break,
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep(GATHER) => {}
                },
                () = self.wake.notified() => {}
                () = tokio::time::sleep(if passage.is_complete() { LOOK } else { FLUSH }) => {}
            }
        }
        let last = async {
            while self.pass_on(&mut passage).await.is_ok_and(|passed| passed > 0) {}
            if let Err(error) = self.complete(&mut passage).await {
                warn!(%error, "The last events stay in the journal; they are passed on again after the next start");
            }
            workers.start(&self).await;
            workers.end().await;
        };
        if tokio::time::timeout(LAST, last).await.is_err() {
            info!("Deliveries that are under way are made again after the next start");
        }
    }

    /// Takes over a batch of events from the outbox. They leave it a little later, many at once.
    async fn pass_on(&self, passage: &mut Passage) -> Result<usize> {
        if passage.begun.is_some_and(|begun| begun.elapsed() >= FLUSH) {
            self.complete(passage).await?;
        }
        let noted = self.outbox.waiting(passage.stored, BATCH).await?;
        // After reading, so that no event that followed a subscription misses it.
        self.refresh().await?;
        let Some(last) = noted.last().map(|noted| noted.number) else { return Ok(0) };
        let taken = noted.len();
        let mut events = Vec::new();
        for noted in noted {
            let event = envelope::event(&noted, &self.options.host);
            let at = Timestamp::try_from(noted.at).unwrap_or(Timestamp::UNIX_EPOCH);
            let event = StoredEvent::new(event, None, at);
            let targets = self.targets(&noted, &event);
            // With webhooks alone, only their events are kept.
            if self.options.subscriptions || !targets.is_empty() {
                events.push((event, targets));
            }
        }
        self.store(events).await?;
        passage.stored = last;
        passage.begun.get_or_insert_with(Instant::now);
        Ok(taken)
    }

    /// Brings what was stored onto the disk, so that not even a power cut can lose what then leaves the outbox.
    async fn complete(&self, passage: &mut Passage) -> Result<()> {
        if passage.begun.is_some() {
            self.book.flush().await?;
            self.outbox.passed_on(passage.stored).await?;
            passage.begun = None;
        }
        Ok(())
    }

    fn targets(&self, noted: &Noted, event: &StoredEvent) -> Vec<Addressed> {
        let hooks = self.hooks.iter().filter(|hook| hook.webhook.kind() == noted.kind);
        let mut targets: Vec<_> = hooks.map(|hook| self.addressed(&hook.id)).collect();
        for target in &targets {
            debug!(target = target.target, event = event.key, kind = %noted.kind, "Webhook");
        }
        // A failed delivery causes none but to a webhook, whose failure causes none.
        if noted.kind != EventKind::SubscriptionDisabled {
            targets.extend(self.subscribers(event));
        }
        targets
    }

    /// The live subscriptions that an event is for.
    pub(super) fn subscribers(&self, event: &StoredEvent) -> Vec<Addressed> {
        let wants = |live: &&Live| {
            let Some(matcher) = live.matcher.as_ref().filter(|_| live.subscription.is_live()) else {
                return false;
            };
            if !live.may_see(&event.event) {
                return false;
            }
            let forms = event.original.iter().chain([&event.event]);
            forms.into_iter().any(|form| {
                matcher.selects(form).unwrap_or_else(|_| {
                    warn!(
                        subscription = live.id,
                        event = event.key,
                        "The JSONPath takes too long on this event; it does not match"
                    );
                    false
                })
            })
        };
        self.live().iter().filter(wants).map(|live| self.addressed(&live.id)).collect()
    }

    /// The target of a delivery, which gets a place in its queue if there is one.
    fn addressed(&self, target: &str) -> Addressed {
        let queue = self.queue(target);
        let room = queue.waiting.fetch_add(1, Ordering::Relaxed) < self.options.most;
        if !room {
            queue.waiting.fetch_sub(1, Ordering::Relaxed);
            self.health.count("deliveries_dropped", 1);
            warn!(
                target,
                "Too many deliveries wait for the target (events_max_waiting); this one is dropped"
            );
        }
        Addressed { target: target.to_owned(), room }
    }

    /// Stores events with their deliveries, and wakes the workers of their targets.
    pub(super) async fn store(&self, events: Vec<(StoredEvent, Vec<Addressed>)>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let targets: HashSet<_> = events
            .iter()
            .flat_map(|(_, targets)| targets)
            .filter(|target| target.room)
            .map(|target| target.target.clone())
            .collect();
        let stored = self.book.add(events).await;
        for target in targets {
            let queue = self.queue(&target);
            if stored.is_err() {
                // What it counted was not stored.
                let waiting = self.book.waiting(&target).await.unwrap_or_default();
                queue.waiting.store(waiting, Ordering::Relaxed);
            }
            queue.wake.notify_one();
        }
        for target in stored? {
            self.left(&target);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Reads subscriptions again if they may have changed.
    pub(super) async fn refresh(&self) -> Result<()> {
        if !self.options.subscriptions {
            return Ok(());
        }
        let mut accounts = self.accounts_read.lock().await;
        if !self.changed.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let read = async { Ok((self.book.stored_subscriptions().await?, self.accounts.all().await?)) };
        let (stored, owners) = read.await.inspect_err(|_: &circuits::Error| {
            self.changed.store(true, Ordering::Release);
        })?;
        let known = self.live();
        let same = |(live, record): (&Live, &Record)| live.stored == record.value;
        if *accounts == owners && known.len() == stored.len() && known.iter().zip(&stored).all(same) {
            return Ok(());
        }
        *accounts = owners;
        let read = stored.into_iter().filter_map(|record| match serde_json::from_str(&record.value) {
            Ok(subscription) => {
                let rights = rights_of(&subscription, &accounts);
                Some(Live::new(subscription, record.value, rights))
            }
            Err(error) => {
                warn!(%error, subscription = record.key, "The stored subscription cannot be read; it gets nothing");
                None
            }
        });
        let live: Vec<_> = read.collect();
        *self.subscriptions.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(live);
        // One that was brought back goes on at once.
        self.queues().values().for_each(|queue| queue.wake.notify_one());
        Ok(())
    }

    /// Deletes events that are too old, and the oldest while there are more than may wait.
    async fn tidy(&self) {
        let cutoff = self.options.keep.and_then(|keep| SystemTime::now().checked_sub(keep));
        let cutoff = cutoff.and_then(|cutoff| Timestamp::try_from(cutoff).ok()).unwrap_or(Timestamp::MIN);
        let tidied = async {
            let now = Timestamp::now();
            let excess = self.book.count(None, now).await?.saturating_sub(self.options.most);
            let old = self.book.purge(None, cutoff, TIDIED, false).await?;
            let more = u32::try_from(excess).unwrap_or(u32::MAX).saturating_sub(old);
            Ok::<_, circuits::Error>(old + self.book.purge(None, now, more.min(TIDIED), false).await?)
        };
        match tidied.await {
            Ok(0) => {}
            Ok(events) => info!(events, "Old events were deleted"),
            Err(error) => warn!(%error, "Old events could not be deleted"),
        }
    }
}

/// What the owner of a subscription may see; `None` means everything. Once there are accounts, that is for the operator's own
/// subscriptions alone, and those of an account that is gone get nothing.
fn rights_of(subscription: &Subscription, accounts: &[UserAccount]) -> Option<Rights> {
    if accounts.is_empty() || subscription.user == OPERATOR {
        return None;
    }
    let owner = accounts.iter().find(|account| account.name == subscription.user);
    Some(owner.map(|account| account.rights.clone()).unwrap_or_default())
}

/// The workers, one for each target.
#[derive(Default)]
struct Workers {
    targets: HashSet<String>,
    /// Whether those of an earlier run are among them.
    resumed: bool,
    tasks: TaskTracker,
    ending: CancellationToken,
}

impl Workers {
    /// Starts one for each target that has none yet.
    async fn start(&mut self, engine: &Arc<Engine>) {
        let mut targets: Vec<String> = engine.queues().keys().cloned().collect();
        if !self.resumed {
            // Those with deliveries from an earlier run.
            match engine.book.targets().await {
                Ok(earlier) => targets.extend(earlier),
                Err(error) => return warn!(%error, "Deliveries of an earlier run could not be looked for"),
            }
            self.resumed = true;
            targets.extend(engine.hooks.iter().map(|hook| hook.id.clone()));
        }
        for target in targets {
            if self.targets.insert(target.clone()) {
                let (engine, ending) = (Arc::clone(engine), self.ending.clone());
                self.tasks.spawn(async move { engine.work(&target, &ending).await });
            }
        }
    }

    /// Lets them finish what is under way.
    async fn end(&self) {
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
