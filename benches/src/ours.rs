//! The runner in this process, with a component whose only handler does nothing.

use std::sync::Arc;

use circuits::config::Config;
use circuits::prelude::*;
use circuits::{RunError, Runner};
use circuits_journal::{Options, SqliteJournal};
use circuits_sandbox::Sandbox;
use circuits_tests::broker::Broker;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::PREFETCH;

/// The component's message destination.
pub(crate) const DESTINATION: &str = "bench";

static REGISTRATION: Registration = Registration::new("bench", component);

/// How reply and acknowledgement are tied together, as app.config spells it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReplyMode {
    Confirmed,
    Transaction,
}

/// Where the runner remembers messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Remembers {
    InMemory,
    /// In a file of its own, on the disk of the temporary folder.
    InJournal,
}

/// A runner at work.
pub(crate) struct Ours {
    _folder: TempDir,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Ours {
    pub(crate) async fn start(
        broker: &Broker,
        sandbox: &Sandbox,
        mode: ReplyMode,
        memory: Remembers,
    ) -> Self {
        let mode = match mode {
            ReplyMode::Confirmed => "confirmed",
            ReplyMode::Transaction => "transaction",
        };
        let host = broker.virtual_host().map_or(String::new(), |host| format!("stomp_vhost={host}\n"));
        let text =
            format!("{}{host}stomp_prefetch_limit={PREFETCH}\nreply_mode={mode}\n", sandbox.app_config());
        let config = Config::from_text(&text).unwrap();
        let runner = Runner::with_components(config, &[&REGISTRATION], |_| {}).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let runner = match memory {
            Remembers::InMemory => runner,
            Remembers::InJournal => {
                let journal = SqliteJournal::open(&Options::new(folder.path().join("journal"))).unwrap();
                runner.journal(Arc::new(journal))
            }
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(runner.run(async move {
            let _ = stopped.await;
        }));
        Self { _folder: folder, stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the runner ended");
        self.task.await.unwrap().unwrap();
    }
}

fn component(_: &Setup) -> Result<Component> {
    Ok(Component::builder(DESTINATION, ()).on_any(nothing).build())
}

async fn nothing(_: Arc<()>, _: Action) -> Result<Reply> {
    Ok(Reply::completed(""))
}
