//! A component whose handlers do what a test asks for, and report to the test what they did.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use circuits::definitions::{Definitions, Field, Function, ObjectType, Rule};
use circuits::prelude::*;
use tokio::signal::unix::SignalKind;
use tokio::sync::{Semaphore, watch};

use crate::faults::{Diary, Step};

/// The component. `[probe]` in the configuration names the [`Probe`] that watches it.
pub static PROBE: Registration = Registration::new("probe", component).config("[probe]\n");

circuits::register! {
    Registration::new("probe", component).version("1.2.3").config("[probe]\n").definitions(definitions)
}

fn definitions() -> Definitions {
    Definitions::new()
        .destination(DESTINATION, "Probe")
        .activity_field(Field::text("probe_word", "Word"))
        .incident_field(Field::text("probe_seen", "Seen"))
        .rule(Rule::menu_item("Echo", ObjectType::Incident, DESTINATION).asks_for(["probe_word"]))
        .rule(Rule::menu_item("Fail", ObjectType::Incident, DESTINATION))
}

/// The message destination of the component.
pub const DESTINATION: &str = "probe";

/// The function of the component.
pub const FUNCTION: &str = "probe_function";

/// Its definitions on the platform, the function included.
pub fn with_function() -> Definitions {
    let function = Function::new(FUNCTION, "Probe", DESTINATION)
        .input(Field::number("probe_count", "Count"))
        .input(Field::select("probe_colour", "Colour", ["red", "green"]));
    Definitions::new().destination(DESTINATION, "Probe").function(function)
}

/// A rule whose name is made of markup, without a handler.
pub const MARKUP: &str = "<img src=x onerror=alert(1)>";

/// Another one, whose handler works like that of `Slow` and then fails with its name.
pub const SLOW_MARKUP: &str = "<img src=x onerror=\"document.title='run'\">";

/// Every rule that the platform has for the component's destination. `Nobody` and [`MARKUP`] have no handler.
pub const RULES: [&str; 23] = [
    "Echo",
    "Fail",
    "Tell",
    "Abort",
    "Panic",
    "Hang",
    "Deaf",
    "Gate",
    "Slow",
    "Nobody",
    "Defer",
    "Quiet",
    "Newest",
    "Again",
    "Limited",
    "Exclusive",
    "Once",
    "Background",
    "Record",
    "Look",
    "Callback",
    MARKUP,
    SLOW_MARKUP,
];

/// The test's view of the handlers, and its control over them.
#[derive(Debug)]
pub struct Probe {
    name: String,
    runs: watch::Sender<Vec<(i64, String)>>,
    /// Each permit lets one `Gate` handler finish.
    pub gate: Semaphore,
}

static PROBES: Mutex<Option<HashMap<String, Arc<Probe>>>> = Mutex::new(None);

impl Probe {
    /// A probe of this name, which must differ between the tests of a process.
    pub fn new(name: &str) -> Arc<Self> {
        let probe = Arc::new(Self {
            name: name.to_owned(),
            runs: watch::Sender::new(Vec::new()),
            gate: Semaphore::new(0),
        });
        let mut probes = PROBES.lock().unwrap_or_else(PoisonError::into_inner);
        let old = probes.get_or_insert_default().insert(name.to_owned(), Arc::clone(&probe));
        assert!(old.is_none(), "two probes are named {name}");
        probe
    }

    /// The section of app.config that connects a runner's component to this probe.
    pub fn section(&self) -> String {
        format!("[probe]\nprobe={}\n", self.name)
    }

    /// The handler runs so far, in the order in which they began: incident and idempotency key.
    pub fn runs(&self) -> Vec<(i64, String)> {
        self.runs.borrow().clone()
    }

    /// Waits until this many handler runs have begun.
    pub async fn begun(&self, count: usize) -> Vec<(i64, String)> {
        self.runs.subscribe().wait_for(|runs| runs.len() >= count).await.unwrap().clone()
    }

    /// Panics if a handler ran twice for one message.
    pub fn assert_nothing_ran_twice(&self) {
        let runs = self.runs();
        let mut keys: Vec<_> = runs.iter().map(|(_, key)| key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), runs.len(), "a handler ran twice for one message: {runs:?}");
    }
}

#[derive(serde::Deserialize)]
struct Settings {
    /// Empty in a separate process.
    probe: Option<String>,
    /// `Gate` never ends.
    #[serde(default)]
    hang: bool,
    /// How long combinators make actions wait, in milliseconds.
    #[serde(default)]
    wait_ms: u64,
    /// The fault that the component's own check reports.
    trouble: Option<String>,
    /// The file in which `Record` notes its runs.
    diary: Option<PathBuf>,
}

/// The inputs of [`FUNCTION`].
#[derive(serde::Deserialize)]
struct Inputs {
    probe_count: i64,
    probe_colour: Option<String>,
}

struct State {
    probe: Option<Arc<Probe>>,
    hang: bool,
    /// `Again` fails.
    fail: bool,
    trouble: Option<String>,
    diary: Option<Diary>,
    /// How long `Callback` waits.
    patience: Duration,
}

fn component(setup: &Setup) -> Result<Component> {
    let Settings { probe, hang, wait_ms, trouble, diary } = setup.settings()?;
    let wait = Duration::from_millis(wait_ms);
    let probes = PROBES.lock().unwrap_or_else(PoisonError::into_inner);
    let probe = probe.and_then(|name| probes.as_ref()?.get(&name).cloned());
    let hour = Duration::from_secs(3600);
    let diary = diary.map(|path| Diary::open(&path));
    Ok(Component::builder(
        DESTINATION,
        State {
            probe,
            hang,
            fail: !wait.is_zero(),
            trouble,
            diary,
            patience: if wait.is_zero() { hour } else { wait },
        },
    )
    .on("Echo", State::echo)
    .on("Fail", State::fail)
    .on("Tell", State::tell)
    .on("Abort", State::abort)
    .on("Panic", State::panic)
    .on("hang", State::hang)
    .on("Deaf", State::deaf)
    .on("Gate", State::gate)
    .on("Slow", State::slow)
    .on("Defer", defer(wait, State::echo))
    .on("Quiet", debounce(wait, State::echo))
    .on("Newest", debounce(wait, State::echo).newest())
    .on("Again", retry(Policy::attempts(2).delay(wait).max_delay(wait), State::unlucky))
    .on("Limited", rate_limit(1, wait, State::echo))
    .on("Exclusive", concurrency(1, State::gate))
    .on("Once", once_per(|_| "everything".to_owned(), hour, State::gate))
    .on("Background", background(State::gate))
    .on("Record", State::record)
    .on("Look", State::look)
    .on("Callback", State::callback)
    .on(SLOW_MARKUP, State::slow_markup)
    .function(FUNCTION, State::answer)
    .check(State::check)
    .build())
}

impl State {
    fn begin(&self, action: &Action) -> Result<i64> {
        let incident = action.incident_id()?;
        if let Some(probe) = &self.probe {
            probe.runs.send_modify(|runs| runs.push((incident, action.key().to_owned())));
        }
        Ok(incident)
    }

    async fn check(self: Arc<Self>) -> Result<String> {
        match self.trouble.as_deref() {
            None => Ok("the ticket system answers".to_owned()),
            Some("panic") => panic!("index out of range"),
            Some("hang") => std::future::pending().await,
            Some(trouble) => Err(Error::new(trouble)),
        }
    }

    async fn echo(self: Arc<Self>, action: Action) -> Result<Reply> {
        let incident = self.begin(&action)?;
        Ok(Reply::completed(format!("echo {incident}")))
    }

    /// Reports that it runs, so that its runs can be counted on the platform.
    async fn tell(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        action.status("running");
        Ok(Reply::completed("told"))
    }

    /// Works for a moment, and notes when.
    async fn record(self: Arc<Self>, action: Action) -> Result<Reply> {
        let (action_id, key) = (action.header("correlation-id").unwrap_or_default(), action.key());
        let note = |step| self.diary.as_ref().map(|diary| diary.note(step, action_id, key));
        note(Step::Begin);
        // Sometimes it outlasts a connection, so that its message comes again while it runs.
        let most = if fastrand::u8(..) < 4 { 3000 } else { 10 };
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..most))).await;
        note(Step::End);
        Ok(Reply::completed("recorded"))
    }

    /// Asks the platform for the incident.
    async fn look(self: Arc<Self>, action: Action) -> Result<Reply> {
        let incident = self.begin(&action)?;
        action.status("looking");
        let _: serde_json::Value = action.rest().get(&format!("/incidents/{incident}")).await?;
        Ok(Reply::completed("seen"))
    }

    /// Returns the results of the function.
    async fn answer(self: Arc<Self>, action: Action) -> Result<Reply> {
        let inputs: Inputs = action.inputs()?;
        if let Some(probe) = &self.probe {
            let incident = action.incident_id().unwrap_or_default();
            probe.runs.send_modify(|runs| runs.push((incident, action.key().to_owned())));
        }
        action.status("counting");
        if inputs.probe_count < 0 {
            return Err(Error::new("less than nothing"));
        }
        Ok(Reply::results(
            serde_json::json!({"counted": inputs.probe_count + 1, "colour": inputs.probe_colour}),
        ))
    }

    /// Aborts the whole process.
    async fn abort(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        std::process::abort();
    }

    async fn unlucky(self: Arc<Self>, action: Action) -> Result<Reply> {
        if self.fail { self.fail(action).await } else { self.echo(action).await }
    }

    async fn fail(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        Err(Error::new("the ticket system is down"))
    }

    async fn panic(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        panic!("index out of range");
    }

    async fn hang(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        std::future::pending().await
    }

    /// Blocks a thread forever, whatever happens to its run.
    async fn deaf(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        circuits::blocking(move || {
            action.status("deaf");
            loop {
                std::thread::park();
            }
        })
        .await
    }

    /// Waits for an answer from elsewhere, for the setting `wait_ms` or an hour.
    async fn callback(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        action.callback(self.patience).await
    }

    async fn gate(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        action.status("at the gate");
        if self.hang {
            std::future::pending::<()>().await;
        }
        if let Some(probe) = &self.probe {
            probe.gate.acquire().await?.forget();
        }
        Ok(Reply::completed("through the gate"))
    }

    /// Work that is still running when its process is told to stop. It ends when the process gets SIGUSR1.
    async fn slow(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.begin(&action)?;
        let mut told = tokio::signal::unix::signal(SignalKind::user_defined1())?;
        action.status("slowly");
        told.recv().await;
        Ok(Reply::completed("done slowly"))
    }

    async fn slow_markup(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.slow(action).await?;
        Err(Error::new(SLOW_MARKUP))
    }
}
