//! The extension: reads and checks the settings, starts the engine on a thread of its own, and mounts the HTTP side.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use circuits::Error;
use circuits::config::{Config, Settings};
use circuits::extension::{Context, Extension, ExtensionFuture, Findings, Opened, own_thread};
use circuits::redact::Redactor;
use tracing::{error, info, warn};

use crate::book::Book;
use crate::engine::{Engine, Hook, Options, Parts};
use crate::http::{self, Side};
use crate::policy::Policy;
use crate::send::{Sender, SenderOptions, pause};
use crate::webhooks::{self, Loaded};

/// How much less urgent than messages all of this is to the system (nice value).
const NICENESS: i32 = 19;

circuits::register! {
    Extension::new("events", |config| Box::pin(std::future::ready(open(config))))
        .version(env!("CARGO_PKG_VERSION"))
        .about("tells other systems what happens to actions: webhooks, subscriptions")
        .check(check)
}

/// The webhooks that the settings name, and what is wrong with them.
fn loaded(settings: &Settings) -> (Loaded, Vec<String>) {
    let loaded = webhooks::load(&settings.webhooks, &|name| std::env::var(name).ok());
    let mut faults: Vec<_> = loaded.faults.iter().map(ToString::to_string).collect();
    let wanted = !settings.webhooks.is_empty() || settings.subscriptions;
    if wanted && settings.journal.is_none() {
        faults.push(
            "webhooks and subscriptions need the journal, which keeps what is to be delivered: name a file with journal=".to_owned(),
        );
    }
    if settings.http_port.is_none() {
        faults.extend(loaded.webhooks.iter().filter(|webhook| webhook.uses_callback()).map(|webhook| {
            format!(
                "webhook \"{}\" sends a callback_url, and no answer could come in: set http_port=",
                webhook.name()
            )
        }));
    }
    if let Err(error) = policy(settings) {
        faults.push(error.to_string());
    }
    (loaded, faults)
}

fn policy(settings: &Settings) -> circuits::Result<Policy> {
    match &settings.events_policy_url {
        Some(url) => Policy::http(url).map_err(Error::new),
        None => Ok(Policy::AllowAll),
    }
}

fn check(config: &Config) -> Findings {
    let settings = config.settings();
    let (loaded, mut faults) = loaded(settings);
    if faults.is_empty()
        && let Err(error) = sender(settings)
    {
        faults.push(error.to_string());
    }
    let counts = loaded.counts().into_iter().map(|(kind, count)| format!("{count} for {kind}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let notes = if loaded.webhooks.is_empty() { Vec::new() } else { vec![format!("webhooks: {counts}")] };
    let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
    Findings { faults, warnings, notes }
}

fn sender(settings: &Settings) -> circuits::Result<Sender> {
    let options = SenderOptions {
        allow_link_local: settings.events_link_local,
        cafile: settings.events_cafile.clone(),
        ..SenderOptions::default()
    };
    Sender::new(options).map_err(Error::new)
}

fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let settings = config.settings();
    let (Loaded { webhooks, warnings, .. }, faults) = loaded(settings);
    if !faults.is_empty() {
        return Err(Error::new(faults.join("\n")));
    }
    if webhooks.is_empty() && !settings.subscriptions {
        return Ok(None);
    }
    warnings.iter().for_each(|warning| warn!("{warning}"));
    for webhook in &webhooks {
        info!(of = %webhook.kind(), "Webhook {webhook}");
    }
    let callbacks = webhooks.iter().any(webhooks::Webhook::uses_callback);
    let callback_base = settings.http_base().filter(|_| callbacks);
    let options = Options {
        tries: settings.events_tries,
        timeout: settings.events_timeout,
        most: settings.events_max_waiting,
        keep: settings.journal_keep,
        subscriptions: settings.subscriptions,
        variables: settings.events_variables.clone(),
        callback_base,
        host: host(),
        pause: pause_of,
    };
    Ok(Some(Box::new(Ready {
        hooks: Hook::all(webhooks)?,
        sender: sender(settings)?,
        policy: policy(settings)?,
        options: Some(options),
        redactor: Redactor::new(config.secrets()),
        journal: settings.journal.clone().unwrap_or_default(),
        user_header: settings.http_user_header.as_str().into(),
        engine: None,
    })))
}

fn pause_of(failures: u32) -> Duration {
    pause(failures, fastrand::f64())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// All that is needed, but for the runner.
struct Ready {
    hooks: Vec<Hook>,
    sender: Sender,
    policy: Policy,
    options: Option<Options>,
    redactor: Redactor,
    journal: PathBuf,
    user_header: Arc<str>,
    engine: Option<Arc<Engine>>,
}

impl Opened for Ready {
    fn keeps_records(&self) -> bool {
        true
    }

    fn attach(&mut self, context: &Context) {
        let (Some(outbox), Some(options)) = (context.outbox(), self.options.take()) else {
            error!(journal = %self.journal.display(), "The journal cannot keep events, so nothing is delivered");
            return;
        };
        let parts = Parts {
            book: Book::new(Arc::clone(context.store())),
            outbox: Arc::clone(outbox),
            sender: self.sender.clone(),
            policy: self.policy.clone(),
            hooks: std::mem::take(&mut self.hooks),
            options,
            callbacks: context.callbacks().clone(),
            accounts: context.accounts().clone(),
            health: context.health().clone(),
            redactor: self.redactor.clone(),
        };
        let engine = Arc::new(Engine::new(parts));
        engine.keep();
        if engine.options.callback_base.is_some() {
            context.callbacks().open();
        }
        let side = Side {
            engine: Arc::clone(&engine),
            callbacks: context.callbacks().clone(),
            user_header: Arc::clone(&self.user_header),
            turn: Arc::default(),
        };
        http::mount(context.web(), side);
        context.register_message_events(Arc::new(engine.book.clone()));
        self.engine = Some(engine);
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let Some(engine) = self.engine else { return };
            own_thread("events", NICENESS, move || engine.run(async move { context.stopped().await })).await;
        })
    }
}
