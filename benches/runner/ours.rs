//! The runner, with handlers that do nothing or wait, depending on the section `[bench]`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use circuits::config::Config;
use circuits::prelude::*;
use circuits::{RunError, Runner, Signal};
use circuits_journal::{Options, SqliteJournal};
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A message destination's name.
pub(crate) fn destination(number: usize) -> String {
    format!("bench{number}")
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
    /// Starts it and waits until it is subscribed.
    pub(crate) async fn start(text: &str, file: &Path, mode: ReplyMode, memory: Remembers) -> Self {
        let mode = match mode {
            ReplyMode::Confirmed => "confirmed",
            ReplyMode::Transaction => "transaction",
        };
        let text = text.replacen("[resilient]\n", &format!("[resilient]\nreply_mode={mode}\n"), 1);
        let config = Config::from_text(&text).unwrap();
        let work: Work = config.section_or_empty("bench").settings().unwrap();
        let components: Vec<&'static Registration> = (0..work.destinations)
            .map(|number| -> &'static Registration {
                let name = Box::leak(destination(number).into_boxed_str());
                Box::leak(Box::new(Registration::new(name, component)))
            })
            .collect();
        let runner = Runner::with_components(config, &components, |_| {}).await.unwrap();
        let runner = match memory {
            Remembers::InMemory => runner,
            Remembers::InJournal => {
                let journal = SqliteJournal::open(&Options::new(file.with_file_name("journal"))).unwrap();
                runner.journal(Arc::new(journal))
            }
        };
        let mut signals = runner.signals();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(runner.run(async move {
            let _ = stopped.await;
        }));
        while !matches!(signals.recv().await.unwrap(), Signal::DestinationSubscribed(_)) {}
        Self { stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the runner ended");
        self.task.await.unwrap().unwrap();
    }
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
