//! The runner and the actions that it holds, as one account may see them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use circuits::account::Right;
use circuits::history::{Filter, rfc3339};
use circuits::{HeldAction, HeldState, Paused, Report};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Who, name_of};
use crate::api::Api;

/// How many actions are shown one by one.
const SHOWN: usize = 500;

/// The runner at one moment, for everybody.
pub(crate) struct Moment {
    report: Report,
    held: Vec<HeldAction>,
}

/// How the runner is doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunnerView {
    /// The version of circuits.
    version: &'static str,
    /// The platform's host.
    host: String,
    /// The org's name on the platform.
    org: String,
    /// When the runner was started.
    started: Option<String>,
    /// Whether it makes progress.
    live: bool,
    /// Whether it can be given work.
    ready: bool,
    /// Why it is not live or not ready.
    problems: Vec<String>,
    /// The broker that it is connected to.
    broker: Option<String>,
    /// Messages answered since the start, on all destinations.
    handled: u64,
    /// Those of them that were answered with an error.
    failed: u64,
    /// The level of the log; null if nobody can change it.
    log_level: Option<String>,
    /// What side features count.
    counters: BTreeMap<&'static str, u64>,
    /// The message destinations, sorted by name.
    destinations: Vec<DestinationView>,
}

/// A message destination.
#[derive(Serialize, ToSchema)]
pub(crate) struct DestinationView {
    /// Its programmatic name.
    name: String,
    /// Since when it is paused; null if it is not.
    paused: Option<PauseView>,
    /// Handlers at work.
    running: usize,
    /// Actions that wait in `defer`, `debounce` and the like, or work in the background.
    waiting: usize,
    /// Actions that wait for a worker, their turn, or the end of the pause.
    queued: usize,
    /// The rules whose actions run or wait, sorted by name.
    rules: Vec<RuleView>,
}

/// That a destination is paused.
#[derive(Serialize, ToSchema)]
pub(crate) struct PauseView {
    /// Since when.
    since: Option<String>,
    /// The account that paused it.
    by: String,
}

/// A rule whose actions run or wait.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleView {
    name: String,
    running: usize,
    waiting: usize,
}

/// What runs and waits now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Now {
    /// The oldest first, at most 500.
    actions: Vec<ActionNow>,
    /// How many more there are.
    more: usize,
}

/// An action that runs, waits or is queued.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionNow {
    /// The message's id.
    id: String,
    /// Its number in the journal; null if it has none.
    number: Option<i64>,
    /// The programmatic name of its destination.
    destination: String,
    /// The rule; known once the handler has begun.
    rule: Option<String>,
    incident: Option<i64>,
    /// `running`, `waiting` or `queued`.
    state: &'static str,
    /// When its handler began; for one that is queued, when it came.
    since: Option<String>,
    /// What it waits for, if that is known.
    reason: Option<String>,
}

/// All that the stream shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct Snapshot {
    runner: RunnerView,
    now: Now,
    /// The number of the newest message; 0 if there is none.
    newest: i64,
}

impl From<&Paused> for PauseView {
    fn from(paused: &Paused) -> Self {
        Self { since: rfc3339(paused.since), by: paused.by.clone() }
    }
}

impl Moment {
    pub(crate) fn now(api: &Api) -> Self {
        let health = api.context.health();
        Self { report: health.report(), held: health.held() }
    }

    /// How the runner is doing, with the destinations that `who` may see.
    pub(crate) fn runner(&self, api: &Api, who: &Who) -> RunnerView {
        let Report { org, started, broker, handled, failed, counters, paused, .. } = &self.report;
        let mut by_destination: HashMap<&str, Vec<&HeldAction>> = HashMap::new();
        for one in &self.held {
            by_destination.entry(one.destination()).or_default().push(one);
        }
        let destination = |name: &str, full_name: &str| {
            let held = by_destination.get(full_name).map_or(&[][..], Vec::as_slice);
            let count = |state| held.iter().filter(|one| one.state() == state).count();
            let mut rules: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
            for one in held {
                let Some(rule) = one.rule() else { continue };
                let (running, waiting) = rules.entry(rule).or_default();
                match one.state() {
                    HeldState::Running => *running += 1,
                    HeldState::Waiting => *waiting += 1,
                    HeldState::Queued => {}
                }
            }
            let rule =
                |(name, (running, waiting)): (&str, _)| RuleView { name: name.to_owned(), running, waiting };
            DestinationView {
                name: name.to_owned(),
                paused: paused.get(name).map(Into::into),
                running: count(HeldState::Running),
                waiting: count(HeldState::Waiting),
                queued: count(HeldState::Queued),
                rules: rules.into_iter().map(rule).collect(),
            }
        };
        let seen = who.destinations(Right::Read).map(|one| destination(&one.name, &one.full_name));
        RunnerView {
            version: env!("CARGO_PKG_VERSION"),
            host: api.host.clone(),
            org: org.clone(),
            started: rfc3339(*started),
            live: self.report.is_live(),
            ready: self.report.is_ready(),
            problems: self.report.stuck.iter().chain(&self.report.unready).cloned().collect(),
            broker: broker.clone(),
            handled: *handled,
            failed: *failed,
            log_level: api.context.steering().log().map(|log| log.level().to_string()),
            counters: counters.clone(),
            destinations: seen.collect(),
        }
    }

    /// The actions that `who` may see.
    pub(crate) async fn actions(&self, api: &Api, who: &Who) -> Now {
        let seen: Vec<_> = self.held.iter().filter(|one| who.sees(one.destination())).collect();
        let shown = seen.get(..SHOWN).unwrap_or(&seen);
        let numbers = api.numbers(shown).await;
        let action = |one: &&HeldAction| {
            let destination = name_of(one.destination());
            let paused = one.state() == HeldState::Queued && self.report.paused.contains_key(destination);
            let reason = if paused { Some("its destination is paused".to_owned()) } else { one.reason() };
            ActionNow {
                id: one.message_id().to_owned(),
                number: numbers.get(one.message_id()).copied(),
                destination: destination.to_owned(),
                rule: one.rule().map(str::to_owned),
                incident: one.incident(),
                state: one.state().name(),
                since: rfc3339(one.since()),
                reason,
            }
        };
        Now { actions: shown.iter().map(action).collect(), more: seen.len() - shown.len() }
    }

    /// Everything at once.
    pub(crate) async fn snapshot(&self, api: &Arc<Api>, who: &Who) -> Snapshot {
        let filter = Filter { destinations: who.visible(), ..Filter::default() };
        let newest = match api.context.history() {
            Some(history) => {
                history.list(&filter, 1).await.ok().and_then(|newest| Some(newest.first()?.number))
            }
            None => None,
        };
        Snapshot {
            runner: self.runner(api, who),
            now: self.actions(api, who).await,
            newest: newest.unwrap_or_default(),
        }
    }
}

/// A time in the past by so many seconds; the beginning of time if there is none.
pub(crate) fn ago(seconds: u64) -> SystemTime {
    SystemTime::now().checked_sub(std::time::Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}
