//! The JSON API `/api/v1`: an extension that shows what a runner does and did, and lets accounts with the right to manage steer it.
//!
//! It is on when `http_port` is set. What it shows of stored messages is the JSON of `circuits events`, and what it changes it
//! changes as the commands do. Each change and each refusal is in an audit trail.

mod access;
mod api;
mod audit;
mod refusal;
mod routes;
mod stream;
mod traffic;
mod view;

use std::sync::Arc;

use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Opened};
use circuits::redact::Redactor;

use api::Api;

circuits::register! {
    Extension::new("api", |config| Box::pin(std::future::ready(Ok(open(config)))))
        .version(env!("CARGO_PKG_VERSION"))
        .about("shows and steers the runner over HTTP: the JSON API /api/v1 (http_port)")
}

fn open(config: &Config) -> Option<Box<dyn Opened>> {
    let settings = config.settings();
    settings.http_port?;
    let redactor = Redactor::new(config.secrets());
    Some(Box::new(Ready { redactor, host: settings.host.clone(), api: None }))
}

/// All that is needed, but for the runner.
struct Ready {
    redactor: Redactor,
    host: String,
    api: Option<Arc<Api>>,
}

impl Opened for Ready {
    fn keeps_records(&self) -> bool {
        true
    }

    fn attach(&mut self, context: &Context) {
        let api = Arc::new(Api::new(context.clone(), self.redactor.clone(), self.host.clone()));
        routes::mount(context.web(), &api);
        self.api = Some(api);
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let Some(api) = self.api else { return };
            tokio::select! {
                () = api.traffic.follow(context.signals()) => {}
                () = stream::run(&api, context.signals()) => {}
                () = context.stopped() => {}
            }
        })
    }
}
