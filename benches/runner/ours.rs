//! The runner, with handlers that do nothing or wait, depending on the section `[bench]`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use circuits::config::Config;
use circuits::extension::{Attached, Extensions};
use circuits::prelude::*;
use circuits::store::{MemoryStore, open_store};
use circuits::{RunError, Runner, Signal};
use circuits_journal::{Options, SqliteJournal};
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

// Extensions link only into programs that name them.
use circuits_accounts as _;
use circuits_api as _;
use circuits_events as _;
use circuits_http as _;

/// A message destination's name.
pub(crate) fn destination(number: usize) -> String {
    format!("bench{number}")
}

/// The file of a runner's journal, beside its app.config.
pub(crate) fn journal(config: &Path) -> PathBuf {
    config.with_file_name("journal")
}

/// How reply and acknowledgement are tied together, in the words of app.config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyMode {
    Confirmed,
    Transaction,
}

/// Where the runner remembers messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remembers {
    InMemory,
    /// In a separate file, on the disk of the temporary folder.
    InJournal,
}

/// A runner at work.
pub(crate) struct Ours {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), RunError>>,
    extensions: Attached,
}

/// The settings of the handlers.
#[derive(Deserialize)]
struct Work {
    #[serde(default)]
    wait_ms: u64,
    /// How many components there are, each with its own destination.
    #[serde(default = "one")]
    destinations: usize,
}

fn one() -> usize {
    1
}

impl Ours {
    /// Starts it without extensions, and waits until it is subscribed.
    pub(crate) async fn start(text: &str, file: &Path, mode: ReplyMode, memory: Remembers) -> Self {
        let mode = match mode {
            ReplyMode::Confirmed => "confirmed",
            ReplyMode::Transaction => "transaction",
        };
        Self::run(&with(text, &format!("reply_mode={mode}")), file, memory, false).await
    }

    /// Starts it with the extensions that its app.config asks for, and waits until it is subscribed.
    pub(crate) async fn shipped(text: &str, file: &Path) -> Self {
        let text = with(text, &format!("journal={}", journal(file).display()));
        Self::run(&text, file, Remembers::InJournal, true).await
    }

    async fn run(text: &str, file: &Path, memory: Remembers, extended: bool) -> Self {
        let config = Config::from_text(text).unwrap();
        let work: Work = config.section_or_empty("bench").settings().unwrap();
        let components: Vec<&'static Registration> = (0..work.destinations)
            .map(|number| -> &'static Registration {
                let name = Box::leak(destination(number).into_boxed_str());
                Box::leak(Box::new(Registration::new(name, component)))
            })
            .collect();
        let extensions =
            if extended { Extensions::open(&config).await.unwrap() } else { Extensions::default() };
        let store = match extensions.keep_records() {
            true => open_store(&config).await.unwrap(),
            false => Arc::new(MemoryStore::default()),
        };
        let runner = Runner::with_components(config, &components, |_| {}).await.unwrap().store(store);
        let runner = match memory {
            Remembers::InMemory => runner,
            Remembers::InJournal => {
                let journal = SqliteJournal::open(&Options::new(journal(file))).unwrap();
                runner.journal(Arc::new(journal))
            }
        };
        let extensions = extensions.start(runner.context());
        let mut signals = runner.signals();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(runner.run(async move {
            let _ = stopped.await;
        }));
        while !matches!(signals.recv().await.unwrap(), Signal::DestinationSubscribed(_)) {}
        Self { stop, task, extensions }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the runner ended");
        self.task.await.unwrap().unwrap();
        self.extensions.stop().await;
    }
}

/// An app.config with one more setting.
fn with(text: &str, line: &str) -> String {
    text.replacen("[resilient]\n", &format!("[resilient]\n{line}\n"), 1)
}

/// The state of a handler: how long to wait, and its process.
struct State {
    wait: Duration,
    process: String,
}

fn component(setup: &Setup) -> Result<Component> {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    let Work { wait_ms, .. } = setup.config().section_or_empty("bench").settings()?;
    let state = State { wait: Duration::from_millis(wait_ms), process: std::process::id().to_string() };
    let number = BUILT.fetch_add(1, Ordering::Relaxed);
    Ok(Component::builder(destination(number), state).on_any(answer).build())
}

async fn answer(state: Arc<State>, _: Action) -> Result<Reply> {
    if !state.wait.is_zero() {
        tokio::time::sleep(state.wait).await;
    }
    Ok(Reply::completed(state.process.as_str()))
}
