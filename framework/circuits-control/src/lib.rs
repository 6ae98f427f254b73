//! The control queue: others ask and call a runner over the broker that is there anyway, with the commands of ThreatConnect's
//! services (tcex 4.0, `services-specification.json`).
//!
//! It is off unless `[control]` in app.config names a queue. Each command is a JSON object whose `command` is matched without case,
//! and gets exactly one final answer. `RunService` is an HTTP request to a component's routes: the same router answers it that
//! answers over HTTP.

mod ask;
mod bodies;
mod command;
mod conversation;
mod known;
mod run_service;
mod settings;
mod signature;
mod watch;

pub use ask::{Asked, ask};
pub use bodies::Bodies;

use std::sync::Arc;

use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Findings, Opened};
use circuits::{Error, SideQueue, Signal};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tracing::{error, info, warn};

use conversation::Conversation;
use settings::Settings;
use watch::Missed;

circuits::register! {
    Extension::new("control", |config| Box::pin(std::future::ready(open(config))))
        .version(env!("CARGO_PKG_VERSION"))
        .about("takes commands from a queue of the broker ([control])")
        .check(check)
}

fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let settings = settings::read(config).map_err(|faults| Error::new(faults.join("\n")))?;
    Ok(settings.map(|settings| Box::new(Ready { settings, config: config.clone(), ready: None }) as _))
}

fn check(config: &Config) -> Findings {
    match settings::read(config) {
        Ok(None) => Findings::default(),
        Ok(Some(settings)) => {
            Findings { notes: vec![format!("control queue: {}", settings.queue)], ..Findings::default() }
        }
        Err(faults) => Findings { faults, ..Findings::default() },
    }
}

struct Ready {
    settings: Settings,
    config: Config,
    /// Brings the signal that the runner has subscribed everywhere.
    ready: Option<broadcast::Receiver<Signal>>,
}

impl Opened for Ready {
    fn keeps_records(&self) -> bool {
        true
    }

    fn attach(&mut self, context: &Context) {
        bodies::mount(context);
        self.ready = Some(context.signals());
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let Self { settings, config, ready } = *self;
            if let Some(ready) = ready {
                serve(Arc::new(settings), &config, &context, ready).await;
            }
        })
    }
}

/// Takes commands until the queue cannot be read, or the runner stops.
async fn serve(
    settings: Arc<Settings>,
    config: &Config,
    context: &Context,
    mut ready: broadcast::Receiver<Signal>,
) {
    let mut told = false;
    let mut known = None;
    loop {
        let opened = tokio::select! {
            () = context.stopped() => return,
            opened = SideQueue::open(config, &settings.queue) => opened,
        };
        let mut queue = match opened {
            Ok(queue) => queue,
            Err(error) => {
                return error!(
                    %error,
                    "The control queue {} cannot be read; no command is taken. Let the runner's account read it",
                    settings.queue
                );
            }
        };
        info!("Taking commands from {}", settings.queue);
        let known =
            known.get_or_insert_with(|| Conversation::new(Arc::clone(&settings), context, queue.sender()));
        let conversation = known.over(queue.sender());
        let mut missed = None;
        let watched = async {
            if !told {
                subscribed(&mut ready, context).await;
                conversation.ready().await;
                told = true;
            }
            missed = Some(watch::missed(&settings, &conversation.heard, &conversation.sender).await);
        };
        conversation.hold(&mut queue, watched).await;
        queue.close().await;
        match missed {
            Some(Missed::Heartbeats) => {
                warn!("Missed heartbeat commands.");
                return context.stop_runner();
            }
            Some(Missed::Broker) => {
                warn!("The broker does not bring what is sent; connecting again for the control queue");
            }
            None => return,
        }
    }
}

/// Resolves when the runner has subscribed to all of its destinations.
async fn subscribed(signals: &mut broadcast::Receiver<Signal>, context: &Context) {
    loop {
        match signals.recv().await {
            Ok(Signal::RunnerReady(_)) | Err(RecvError::Closed) => return,
            // It may have been among those that were lost.
            Err(RecvError::Lagged(_)) if context.health().report().is_ready() => return,
            _ => {}
        }
    }
}
