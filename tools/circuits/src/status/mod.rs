//! How a running runner reports its state: to `circuits status` through a socket, to containers through HTTP, to systemd
//! through its notifications. None of them can hold up the handling of messages.

mod http;
mod report;
mod socket;
mod systemd;

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use circuits::config::{Config, Settings};
use circuits::extension::{Context, Extension, ExtensionFuture, Opened};
use circuits::{Error, Health, Report};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use report::{as_json, write};
pub(crate) use socket::{ask, path};
pub(crate) use systemd::stopping;

circuits::register! {
    Extension::new("status", |config| Box::pin(open(config)))
        .version(env!("CARGO_PKG_VERSION"))
        .about("reports the state of the runner: `circuits status`, health_port, systemd")
}

async fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let teller =
        Teller::start(config.settings()).await.map_err(|error| Error::new(format_args!("{error:#}")))?;
    Ok(Some(Box::new(teller)))
}

/// Reports the state of this process's runner until it is dropped.
#[derive(Debug)]
struct Teller {
    subject: Subject,
    _tasks: Vec<AbortOnDropHandle<()>>,
    _file: Option<socket::Bound>,
}

impl Opened for Teller {
    fn attach(&mut self, context: &Context) {
        self.subject.0.get_or_init(|| context.health().clone());
        http::mount(context.web(), &self.subject);
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            context.stopped().await;
            // It answers until then.
            drop(self);
        })
    }
}

/// The runner, once there is one; until then the process is starting.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject(Arc<OnceLock<Health>>);

impl Subject {
    fn report(&self) -> Option<Report> {
        self.0.get().map(Health::report)
    }
}

impl Teller {
    /// Starts to answer, at first with "starting".
    ///
    /// # Errors
    /// When it cannot listen on `health_port`.
    async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let subject = Subject::default();
        let mut tasks = Vec::new();
        if let Some(port) = settings.health_port {
            let address = (settings.health_host.as_str(), port);
            let listener = tokio::net::TcpListener::bind(address).await.with_context(|| {
                format!(
                    "health_port: cannot listen on {}:{port}. Name a free port, and an address of this machine with health_host=",
                    settings.health_host
                )
            })?;
            tasks.push(tokio::spawn(http::serve(listener, subject.clone())));
        }
        let file = match socket::Bound::new(path(settings)) {
            Ok((file, listener)) => {
                tasks.push(tokio::spawn(socket::serve(listener, subject.clone())));
                Some(file)
            }
            Err(error) => {
                tracing::warn!("`circuits status` will find nothing: {error:#}");
                None
            }
        };
        // systemd comes last: when it reports, the other two answer already.
        tasks.push(tokio::spawn(systemd::follow(subject.clone())));
        let tasks = tasks.into_iter().map(AbortOnDropHandle::new).collect();
        Ok(Self { subject, _tasks: tasks, _file: file })
    }
}
