//! `circuits run --sandbox`: starts an embedded platform, deploys the linked components' definitions to it, fires each of their
//! rules, and shows both sides until everything is answered; with `--once` until the first rule's action is.

use std::pin::pin;

use anyhow::{Context as _, bail};
use circuits::config::Endpoint;
use circuits::definitions::Definitions;
use circuits::extension::Extensions;
use circuits::signal::{ActionAnswered, ActionStarted};
use circuits::{Registration, Runner, Signal, registrations};
use circuits_deploy::deploy;
use circuits_sandbox::{Event, Sandbox};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::other_side::OtherSide;
use super::show::{self, say};
use crate::logging::{self, LogOptions};
use crate::overrides::Overrides;
use crate::selection::Selection;
use crate::{fire, journal, platform, store};

pub(super) async fn run(
    overrides: &Overrides,
    once: bool,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let sandbox = Sandbox::builder().start().await?;
    let folder = tempfile::tempdir().context("a folder for the sandbox's app.config")?;
    let config_file = folder.path().join("app.config");
    platform::write_config(&config_file, &sandbox, &registrations())?;
    let other = OtherSide::start(folder.path()).await?;
    // The tour leaves nothing behind.
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let overrides = overrides
        .with_file(config_file)
        .otherwise("logdir", inside("logs"))
        .otherwise("journal", inside("circuits.journal"))
        .otherwise("http_port", other.http_port.to_string());
    let mut config = overrides.load()?;
    if config.settings().journal.is_some() {
        config = overrides.otherwise("webhooks", other.webhooks.display().to_string()).load()?;
    }
    let settings = config.settings();
    // The tour deploys every definition without asking, so it must not reach any other platform.
    let platform = format!("https://{}:{}", settings.host, settings.port);
    let is_ours = |broker: &Endpoint| broker.host == settings.host && broker.port == sandbox.stomp_port();
    if platform != sandbox.url() || !settings.stomp_hosts.iter().all(is_ours) {
        bail!(
            "--sandbox brings its own platform and broker; leave out the settings that name others (host, port, stomp_host, \
             stomp_port, stomp_hosts)"
        );
    }
    if !settings.stomp {
        bail!("--sandbox fires rules, whose actions come through the broker: run it with stomp=true");
    }
    let log = logging::init(&LogOptions::from_settings(settings).without_console(), config.secrets())?;
    let journal = journal::open(settings)?;
    let redactor = log.redactor();
    say(&format!(
        "An embedded platform runs at {}, its broker on port {} (TLS).",
        sandbox.url(),
        sandbox.stomp_port()
    ));

    let rest = circuits::login(&config, move |secret| redactor.add(secret)).await?;
    let chosen = Selection::default().of(&registrations(), &config.settings().noload)?;
    let wanted: Vec<(&Registration, Definitions)> =
        chosen.into_iter().map(|one| (one, one.platform_definitions())).collect();
    for (registration, definitions) in &wanted {
        let created = deploy(&rest, definitions).await.map_err(anyhow::Error::msg)?.created;
        say(&format!("Deployed for {}: {}", registration.name(), created.join(", ")));
    }

    let redactor = log.redactor();
    let extensions = Extensions::open(&config).await.map_err(anyhow::Error::msg)?;
    let store = store::open(&config, &extensions).await?;
    let runner = Runner::prepare(config, move |secret| redactor.add(secret)).await?;
    let runner = journal::give(runner, journal).store(store);
    let attached = extensions.start(runner.context());
    let (mut signals, mut events) = (runner.signals(), sandbox.events());
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let destinations = runner.destinations().len();
    let drive = async {
        let mut subscribed = 0;
        while subscribed < destinations {
            match next(&mut signals).await {
                Some(signal) => {
                    subscribed += usize::from(matches!(signal, Signal::DestinationSubscribed(_)));
                    show::runner(&signal);
                }
                None => return Ok(()),
            }
        }
        let incident = sandbox
            .create_incident(serde_json::json!({"name": "Phishing mail to finance", "discovered_date": 0}))?;
        let mut actions = 0;
        let rules: Vec<_> = wanted.iter().flat_map(|(_, definitions)| definitions.rules()).collect();
        for rule in &rules {
            say("");
            fire::fire(&rest, rule.name(), incident, rule.samples()).await?;
            if once {
                watch_until_settled(rule.name(), &mut signals, &mut events).await;
                say(&format!(
                    "\nThe action of \"{}\" is answered. Without --once all rules are fired.",
                    rule.name()
                ));
                drop(finish);
                return Ok(());
            }
            actions += watch_until_quiet(&mut signals, &mut events).await;
        }
        match rules.len() {
            0 => say(
                "There is no rule to fire: the components define theirs by exports only. Fire one with `circuits sandbox fire`.",
            ),
            count => say(&format!("\nAll {actions} actions of {count} rules are answered.")),
        }
        if once {
            drop(finish);
            return Ok(());
        }
        say("The runner stays up; Ctrl-C ends it.");
        while show_next(&mut signals, &mut events).await.is_some() {}
        drop(finish);
        anyhow::Ok(())
    };
    let mut stop = pin!(stop);
    let shutdown = async {
        tokio::select! {
            () = &mut stop => {}
            _ = finished => {}
        }
    };
    let (driven, ran) = {
        let mut drive = pin!(drive);
        let mut run = pin!(runner.run(shutdown));
        tokio::select! {
            ran = &mut run => (Ok(()), ran),
            driven = &mut drive => match driven {
                Ok(()) => (Ok(()), run.await),
                Err(error) => (Err(error), Ok(())),
            },
        }
    };
    attached.stop().await;
    sandbox.shutdown().await;
    say("Stopped.");
    ran?;
    driven
}

/// Shows both sides until every action has its final status and is settled, including those that a change for a rule or
/// the work of a handler set off. Returns the number of actions.
async fn watch_until_quiet(signals: &mut Receiver<Signal>, events: &mut Receiver<Event>) -> usize {
    let (mut fired, mut answered, mut settled) = (0, 0, 0);
    while fired == 0 || answered < fired || settled < fired {
        match show_next(signals, events).await {
            Some(Seen::Fired) => fired += 1,
            Some(Seen::Answered) => answered += 1,
            Some(Seen::Settled { .. }) => settled += 1,
            Some(Seen::Started { .. } | Seen::Other) => {}
            None => break,
        }
    }
    fired
}

/// Shows both sides until the first action of this rule is settled.
async fn watch_until_settled(rule: &str, signals: &mut Receiver<Signal>, events: &mut Receiver<Event>) {
    let mut handled = None;
    loop {
        match show_next(signals, events).await {
            Some(Seen::Started { message, of }) if of.as_deref() == Some(rule) => handled = Some(message),
            Some(Seen::Settled { message }) if handled.as_ref() == Some(&message) => return,
            Some(_) => {}
            None => return,
        }
    }
}

/// The events that the tour waits for.
enum Seen {
    Fired,
    Answered,
    Started { message: String, of: Option<String> },
    Settled { message: String },
    Other,
}

/// Shows the next event of either side; `None` when one of them has ended.
async fn show_next(signals: &mut Receiver<Signal>, events: &mut Receiver<Event>) -> Option<Seen> {
    tokio::select! {
        biased;
        event = next(events) => {
            let event = event?;
            show::platform(&event);
            Some(match event {
                Event::RuleFired { .. } | Event::FunctionCalled { .. } => Seen::Fired,
                Event::Status { complete: true, .. } => Seen::Answered,
                _ => Seen::Other,
            })
        }
        signal = next(signals) => {
            let signal = signal?;
            show::runner(&signal);
            Some(match signal {
                Signal::ActionStarted(ActionStarted { about }) => {
                    Seen::Started { message: about.message.id, of: about.action.name }
                }
                Signal::ActionAnswered(ActionAnswered { about, .. }) => Seen::Settled { message: about.message.id },
                _ => Seen::Other,
            })
        }
    }
}

/// The next item; skips the ones that were missed.
async fn next<T: Clone>(receiver: &mut Receiver<T>) -> Option<T> {
    loop {
        match receiver.recv().await {
            Ok(item) => return Some(item),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}
