//! The control queue: others ask and call a runner over the broker that is there anyway, with the commands of ThreatConnect's
//! services (tcex 4.0, `services-specification.json`).
//!
//! It is off unless `[control]` in app.config names a queue. Each command is a JSON object whose `command` is matched without case,
//! and gets exactly one final answer. `RunService` is an HTTP request to a component's routes: the same router answers it that
//! answers over HTTP.

mod bodies;
mod command;
mod conversation;
mod known;
mod run_service;
mod settings;

pub use bodies::Bodies;

use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Findings, Opened};
use circuits::{Error, SideQueue};
use tracing::{error, info};

use conversation::Conversation;
use settings::Settings;

circuits::register! {
    Extension::new("control", |config| Box::pin(std::future::ready(open(config))))
        .version(env!("CARGO_PKG_VERSION"))
        .about("takes commands from a queue of the broker ([control])")
        .check(check)
}

fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let settings = settings::read(config).map_err(|faults| Error::new(faults.join("\n")))?;
    Ok(settings.map(|settings| Box::new(Ready { settings, config: config.clone() }) as _))
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
}

impl Opened for Ready {
    fn keeps_records(&self) -> bool {
        true
    }

    fn attach(&mut self, context: &Context) {
        bodies::mount(context);
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let Self { settings, config } = *self;
            let queue = tokio::select! {
                () = context.stopped() => return,
                queue = SideQueue::open(&config, &settings.queue) => queue,
            };
            match queue {
                Ok(queue) => {
                    info!("Taking commands from {}", settings.queue);
                    Conversation::new(settings, &context, queue.sender()).hold(queue, &context).await;
                }
                Err(error) => error!(
                    %error,
                    "The control queue {} cannot be read; no command is taken. Let the runner's account read it",
                    settings.queue
                ),
            }
        })
    }
}
