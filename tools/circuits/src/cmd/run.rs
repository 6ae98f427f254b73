//! `circuits run`: handles actions until it is stopped; with `--sandbox` on an embedded platform, whose rules it fires itself.

mod auto_restart;
mod other_side;
mod show;
mod tour;

use std::pin::pin;

use circuits::Runner;
use circuits::config::{Config, Settings, Severity};
use circuits::extension::Extensions;
use tracing::info;

use self::auto_restart::Watch;
use crate::journal;
use crate::lock::{self, Lock};
use crate::logging::{self, LogOptions};
use crate::overrides::Overrides;
use crate::shutdown::{self, Grace};
use crate::status;
use crate::store;

/// Arguments of `circuits run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run on an embedded platform on this machine instead, fire a rule for each linked component, and show both sides.
    #[arg(long)]
    sandbox: bool,
    /// With --sandbox: fire one rule only, and end when its action is answered.
    #[arg(long, requires = "sandbox")]
    once: bool,
    /// Watch app.config, and put its changes in force as far as that goes without a restart.
    #[arg(short = 'r', long, conflicts_with = "sandbox")]
    auto_restart: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(async move {
        if args.sandbox {
            let _lock = Lock::take(None)?;
            return tour::run(&args.overrides, args.once, shutdown::signal(None)?).await;
        }
        // First of all: a stop that comes while it starts is an orderly stop too.
        let grace = Grace::new(Settings::default().shutdown_timeout);
        let signal = shutdown::signal(Some(grace.clone()))?;
        let config = args.overrides.load()?;
        grace.set(config.settings().shutdown_timeout);
        let _lock = Lock::take(lock::default_path())?;
        let log = logging::init(&LogOptions::from_settings(config.settings()), config.secrets())?;
        announce(&config);
        let journal = journal::open(config.settings())?;
        let extensions = Extensions::open(&config).await.map_err(anyhow::Error::msg)?;
        let store = store::open(&config, &extensions).await?;
        let watch = args.auto_restart.then(|| Watch::new(&args.overrides, &config)).transpose()?;
        let redactor = log.redactor();
        let mut stop = pin!(async {
            signal.await;
            status::stopping();
        });
        let runner = tokio::select! {
            runner = Runner::prepare(config, move |secret| redactor.add(secret)) => runner,
            () = &mut stop => return Ok(()),
        };
        let result = match runner {
            Ok(runner) => {
                let runner = journal::give(runner, journal).store(store).log_control(log.control().clone());
                let attached = extensions.start(runner.context());
                let reloader = runner.reloader();
                let mut running = pin!(runner.run(stop));
                let ended = match watch {
                    None => running.await,
                    Some(watch) => tokio::select! {
                        result = &mut running => result,
                        // It runs as long as the runner does.
                        never = watch.follow(&reloader, &log, &grace) => match never {},
                    },
                };
                attached.stop().await;
                ended
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            tracing::error!("{error}");
        }
        info!("circuits has stopped");
        Ok(result?)
    });
    // Blocking code cannot be stopped, and the process does not wait for it: its message stays with the broker.
    runtime.shutdown_background();
    outcome
}

/// Logs the lines that operators look for at the top of a log, and the warnings of the configuration.
fn announce(config: &Config) {
    let settings = config.settings();
    match config.file() {
        Some(path) => info!("Configuration file: {}", path.display()),
        None => info!("Configuration file: (none found)"),
    }
    info!("Resilient server: {}", settings.host);
    match &settings.credentials {
        circuits::config::Credentials::ApiKey { id, .. } => info!("Resilient api key id: {id}"),
        circuits::config::Credentials::User { email, .. } => info!("Resilient user: {email}"),
    }
    info!("Resilient org: {}", settings.org.as_deref().unwrap_or("(the account's only one)"));
    info!("Logging Level: {}", settings.loglevel);
    for warning in config.warnings() {
        match warning.severity() {
            Severity::Info => info!("{warning}"),
            Severity::Warning => tracing::warn!("{warning}"),
        }
    }
}
