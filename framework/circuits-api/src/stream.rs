//! The live stream: one task makes each snapshot once for all readers with equal rights, at most one a second, and passes it on
//! only if it differs from the last. A reader holds no more than the newest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use circuits::Signal;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::error;

use crate::access::Who;
use crate::api::Api;
use crate::view::Moment;

/// The least time between two snapshots.
const PAUSE: Duration = Duration::from_secs(1);
/// After which one is made without any signal: not every change has one.
const LONGEST: Duration = Duration::from_secs(5);

/// The newest snapshot as JSON; empty before the first.
type Newest = Arc<str>;

/// Those who read the stream, by their rights.
#[derive(Default)]
pub(crate) struct Readers {
    groups: Mutex<HashMap<String, Group>>,
    /// Something changed, or somebody new reads.
    changed: Notify,
}

struct Group {
    who: Who,
    newest: watch::Sender<Newest>,
}

impl Readers {
    /// Somebody begins to read.
    pub(crate) fn join(&self, who: Who) -> watch::Receiver<Newest> {
        let mut words = who.rights.words();
        words.sort();
        words.dedup();
        let mut groups = self.lock();
        let group = groups
            .entry(words.join(" "))
            .or_insert_with(|| Group { who, newest: watch::Sender::new(Newest::from("")) });
        let reader = group.newest.subscribe();
        drop(groups);
        self.changed.notify_one();
        reader
    }

    /// Something changed that no signal tells.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }

    /// One reader of each group that has any; the other groups are forgotten.
    fn groups(&self) -> Vec<(String, Who)> {
        let mut groups = self.lock();
        groups.retain(|_, group| group.newest.receiver_count() > 0);
        groups.iter().map(|(key, group)| (key.clone(), group.who.clone())).collect()
    }

    fn publish(&self, group: &str, snapshot: &str) {
        if let Some(group) = self.lock().get(group) {
            group.newest.send_if_modified(|newest| {
                let differs = **newest != *snapshot;
                if differs {
                    *newest = snapshot.into();
                }
                differs
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes snapshots as long as there are signals.
pub(crate) async fn run(api: &Arc<Api>, mut signals: Receiver<Signal>) {
    let readers = &api.readers;
    let mut next = Instant::now();
    loop {
        let groups = readers.groups();
        if groups.is_empty() {
            // Signals that nobody reads about are left to be overwritten.
            readers.changed.notified().await;
            continue;
        }
        sleep_until(next).await;
        signals = signals.resubscribe();
        let moment = Moment::now(api);
        for (key, who) in groups {
            match api.shown(moment.snapshot(api, &who).await) {
                Ok(snapshot) => readers.publish(&key, &snapshot.0.to_string()),
                Err(refusal) => error!(?refusal, "A snapshot cannot be written"),
            }
        }
        next = Instant::now() + PAUSE;
        tokio::select! {
            signal = signals.recv() => {
                if matches!(signal, Err(RecvError::Closed)) {
                    return;
                }
            }
            () = readers.changed.notified() => {}
            () = sleep(LONGEST) => {}
        }
    }
}
