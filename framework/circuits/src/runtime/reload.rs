//! Applies a changed app.config to a running runner: all of it or, if something in it is wrong, nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Mutex;
use tracing::info;

use crate::RunError;
use crate::config::Config;
use crate::delivery::lanes::Lanes;
use crate::runtime::shared::Shared;
use crate::runtime::timer::Timers;

/// The keys of `[resilient]` that a reload applies. Whoever writes the log applies `loglevel`.
const LIVE_KEYS: [&str; 5] =
    ["loglevel", "num_workers", "handler_timeout", "max_attempts", "shutdown_timeout"];

fn is_live(section: &str, key: &str) -> bool {
    if section == "resilient" { LIVE_KEYS.contains(&key) } else { key != "queue" }
}

/// Reloads the configuration of one runner; see [`Runner::reloader`](crate::Runner::reloader).
pub struct Reloader {
    pub(crate) shared: Arc<Shared>,
    pub(crate) lanes: Lanes,
    pub(crate) timers: Timers,
    /// What the runner started with: a changed key that needs a restart is reported at each reload until there has been one.
    pub(crate) started: Arc<Config>,
    /// One reload at a time.
    pub(crate) turn: Mutex<()>,
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The sections and keys (`[resilient] num_workers`) whose new values are in force.
    pub applied: Vec<String>,
    /// Those that differ from what the runner started with and need a restart; the old values stay in force.
    pub needs_restart: Vec<String>,
}

impl Reloader {
    /// Puts `config` in force as far as possible without a restart. Components whose section has changed are rebuilt, with
    /// a new state, timers and combinators; actions that run or wait finish with the old ones. A change of a section
    /// that no component claims rebuilds all of them.
    ///
    /// # Errors
    /// Whatever a start with this configuration would refuse. Then everything stays as it is.
    pub async fn reload(&self, config: impl Into<Arc<Config>>) -> Result<Reloaded, RunError> {
        let config = config.into();
        let _turn = self.turn.lock().await;
        let old = self.shared.live();
        let changes = old.config.changes(&config);
        let claimed: BTreeSet<_> = old.sections().collect();
        let sections: BTreeSet<_> = changes.iter().map(|(section, _)| section.as_str()).collect();
        let everyone = sections.iter().any(|section| *section != "resilient" && !claimed.contains(section));
        let changed = |section: &str| everyone || sections.contains(section);
        let new = Arc::new(old.rebuild(&config, &self.shared.client, changed).await?);
        self.lanes.resize(config.settings().num_workers);
        self.timers.start(new.new_timers(Some(&old)));
        self.shared.replace(new);
        let listed = |changes: Vec<(String, String)>, wanted: bool| {
            let keys = changes.into_iter().filter(|(section, key)| is_live(section, key) == wanted);
            keys.map(|(section, key)| format!("[{section}] {key}")).collect()
        };
        let done = Reloaded {
            applied: listed(changes, true),
            needs_restart: listed(self.started.changes(&config), false),
        };
        info!(applied = done.applied.join(", "), "Reload completed successfully!");
        Ok(done)
    }
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}
