//! Delivers to one target: what is due, a few at a time, and with growing pauses while the target does not take it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{Engine, Hook, Live};

/// How often the store is looked at for deliveries that somebody asks for beside the runner.
const LOOK: Duration = Duration::from_secs(5);
/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Calls to one subscriber at a time.
const CALLS: usize = 4;

/// Whom a worker delivers to at the moment.
pub(super) enum Receiver<'a> {
    Hook(&'a Hook),
    Subscriber(&'a Live),
}

/// How an attempt ended.
pub(super) enum Ended {
    /// The target answers, whatever it thinks of this event.
    Done,
    /// The target did not take it. It may say when to come back.
    Again(Option<Duration>),
    /// Nothing was tried: the store failed.
    NotTried,
}

impl Engine {
    /// Delivers to this target until `ending`; then finishes what is under way and what has never been tried.
    pub(super) async fn work(&self, target: &str, ending: &CancellationToken) {
        let queue = self.queue(target);
        match self.book.waiting(target).await {
            Ok(waiting) => queue.waiting.store(waiting, Ordering::Relaxed),
            Err(error) => error!(%error, target, "Waiting deliveries could not be counted"),
        }
        let mut under_way = HashSet::new();
        let mut attempts = FuturesUnordered::new();
        // Failures in a row, and until when the target is left alone because of them.
        let (mut failures, mut rest) = (0_u32, Instant::now());
        let mut known = String::new();
        loop {
            let live = self.live();
            let receiver = self.receiver(target, &live);
            if let Some(Receiver::Subscriber(live)) = &receiver
                && live.stored != known
            {
                // It was changed or brought back: what failed before says nothing about it.
                known.clone_from(&live.stored);
                (failures, rest) = (0, Instant::now());
            }
            let width = match &receiver {
                _ if failures > 0 => 1,
                Some(Receiver::Hook(hook)) => hook.webhook.concurrency(),
                Some(Receiver::Subscriber(_)) => CALLS,
                // What is gone for good: its deliveries are closed. A subscription that is off: they wait.
                None if self.is_gone(target, &live) => CALLS,
                None => 0,
            };
            let room = width.saturating_sub(under_way.len());
            let due = match room {
                0 => Vec::new(),
                _ => self.book.due(target, (room + under_way.len()) as u32).await.unwrap_or_else(|error| {
                    error!(%error, target, "Deliveries that are due could not be read");
                    Vec::new()
                }),
            };
            let now = Timestamp::now().as_millisecond();
            let resting = rest.checked_duration_since(Instant::now());
            let mut next = LOOK;
            for (event, rank) in
                due.into_iter().filter(|(event, _)| !under_way.contains(event)).take(room).collect::<Vec<_>>()
            {
                // Rank 0: somebody asked for it now.
                let wait = match (rank, resting) {
                    (0, _) => Duration::ZERO,
                    (rank, resting) => {
                        let until_due = Duration::from_millis(u64::try_from(rank - now).unwrap_or(0));
                        until_due.max(resting.unwrap_or_default())
                    }
                };
                if wait.is_zero() {
                    under_way.insert(event.clone());
                    attempts.push(async move {
                        let ended = self.attempt(target, &event).await;
                        (event, ended)
                    });
                } else {
                    next = next.min(wait);
                }
            }
            if attempts.is_empty() && ending.is_cancelled() {
                return;
            }
            tokio::select! {
                Some((event, ended)) = attempts.next(), if !attempts.is_empty() => {
                    under_way.remove(&event);
                    match ended {
                        Ended::Done => {
                            failures = 0;
                            rest = Instant::now();
                        }
                        Ended::Again(after) => {
                            failures = failures.saturating_add(1);
                            rest = Instant::now() + after.unwrap_or_else(|| (self.options.pause)(failures));
                        }
                        Ended::NotTried => rest = Instant::now() + PAUSE,
                    }
                }
                () = queue.wake.notified() => {}
                () = tokio::time::sleep(next) => {}
                () = ending.cancelled(), if !ending.is_cancelled() => {}
            }
        }
    }

    /// Whether the target is gone for good: the webhook is no longer defined, or the subscription was deleted.
    pub(super) fn is_gone(&self, target: &str, live: &[Live]) -> bool {
        match live.iter().find(|live| live.id == target) {
            Some(live) => live.subscription.deleted.is_some(),
            None => target.starts_with("webhook:") && self.hooks.iter().all(|hook| hook.id != target),
        }
    }

    /// Whom the target's name stands for now; `None` if it is gone or switched off.
    pub(super) fn receiver<'a>(&'a self, target: &str, live: &'a Arc<Vec<Live>>) -> Option<Receiver<'a>> {
        if let Some(hook) = self.hooks.iter().find(|hook| hook.id == target) {
            return Some(Receiver::Hook(hook));
        }
        let live = live.iter().find(|live| live.id == target && live.subscription.is_live());
        live.map(Receiver::Subscriber)
    }
}
