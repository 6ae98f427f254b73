//! `--auto-restart`: watches app.config and puts its changes in force.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use circuits::Reloader;
use circuits::config::Config;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use crate::logging::LogGuard;
use crate::overrides::Overrides;
use crate::shutdown::Grace;

/// Editors write a file in several steps; it is read this long after the first step.
const SETTLE: Duration = Duration::from_millis(200);

/// Watches one app.config.
pub(super) struct Watch {
    overrides: Overrides,
    file: PathBuf,
    /// The content at the last reading.
    content: Option<Vec<u8>>,
    touched: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches the file that `config` comes from.
    ///
    /// # Errors
    /// When the configuration does not come from a file, or the system cannot watch that file.
    pub(super) fn new(overrides: &Overrides, config: &Config) -> anyhow::Result<Self> {
        let file = config.file().context(
            "--auto-restart watches an app.config, and there is none; name one with --config-file",
        )?;
        let file = std::path::absolute(file)?;
        let touched = Arc::new(Notify::new());
        let touch = Arc::clone(&touched);
        let mut watcher = notify::recommended_watcher(move |_| touch.notify_one())?;
        // Watch the directory, because a replaced file is a different file.
        let directory = file.parent().unwrap_or(Path::new("/"));
        watcher
            .watch(directory, RecursiveMode::NonRecursive)
            .with_context(|| format!("--auto-restart cannot watch {}", directory.display()))?;
        let content = std::fs::read(&file).ok();
        // Stay with this file, even if one appears in a place that is searched earlier.
        let overrides = overrides.with_file(file.clone());
        Ok(Self { overrides, file, content, touched, _watcher: watcher })
    }

    /// Puts each change in force.
    pub(super) async fn follow(mut self, reloader: &Reloader, log: &LogGuard, grace: &Grace) -> Infallible {
        info!("Watching {} for changes", self.file.display());
        loop {
            self.touched.notified().await;
            tokio::time::sleep(SETTLE).await;
            let content = tokio::fs::read(&self.file).await.ok();
            if content == self.content {
                continue;
            }
            self.content = content;
            info!("{} has changed; reloading it", self.file.display());
            if let Err(error) = self.reload(reloader, log, grace).await {
                error!("Reload failed, nothing was changed: {error:#}");
            }
        }
    }

    async fn reload(&self, reloader: &Reloader, log: &LogGuard, grace: &Grace) -> anyhow::Result<()> {
        let config = Arc::new(self.overrides.load()?);
        let redactor = log.redactor();
        config.secrets().iter().for_each(|secret| redactor.add(secret));
        let reloaded = reloader.reload(Arc::clone(&config)).await?;
        // Otherwise a change of something else would undo what was set while it runs.
        if reloaded.applied.iter().any(|key| key == "[resilient] loglevel") {
            log.control().set(config.settings().loglevel);
        }
        grace.set(config.settings().shutdown_timeout);
        if !reloaded.needs_restart.is_empty() {
            warn!("These changes need a restart: {}", reloaded.needs_restart.join(", "));
        }
        Ok(())
    }
}
