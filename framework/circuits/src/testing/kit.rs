//! Runs a handler without a runner, broker or network.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use circuits_rest::{Asked, Client};
use circuits_sandbox::{Call, Mock};
use circuits_stomp::Headers;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{configuration, find};
use crate::callback::Callbacks;
use crate::delivery::attempt::Attempt;
use crate::delivery::handling::Handling;
use crate::delivery::headroom::Headroom;
use crate::delivery::lanes::Lanes;
use crate::delivery::seat::Seat;
use crate::journal::MemoryJournal;
use crate::message::{ActionMessage, CONTEXT_TOKEN, DestinationName};
use crate::runtime::live::{Loaded, construct};
use crate::runtime::routes::Routes;
use crate::runtime::vitals::Vitals;
use crate::store::MemoryStore;
use crate::{Error, Reply, Result};

/// How many actions are worked on at a time, as with the runner's default.
const WORKERS: usize = 25;

/// The text in front of the component's own sections.
const RESILIENT: &str = "[resilient]\nhost=mock.invalid\napi_key_id=mock\napi_key_secret=mock-secret\n";

/// A component with its settings, and a [`Mock`] for a platform. It handles actions given as JSON, with the component's
/// combinators, on whatever clock the test has. With `start_paused` an hour's wait takes no time.
///
/// A call that the mock does not expect fails the test when the kit is dropped, even if the handler swallows the error.
///
/// ```standalone_crate
/// # use std::sync::Arc;
/// # use circuits::prelude::*;
/// # circuits::register! { Registration::new("greeter", component).config("[greeter]\ngreeting=Hello\n") }
/// # fn component(_: &Setup) -> Result<Component> { Ok(Component::builder("greeter", ()).on("Greet", greet).build()) }
/// # async fn greet(_: Arc<()>, action: Action) -> Result<Reply> {
/// #     let path = format!("/incidents/{}/comments", action.incident_id()?);
/// #     action.rest().post::<_, serde_json::Value>(&path, &serde_json::json!({"text": "Hello"})).await?;
/// #     Ok("Greeted".into())
/// # }
/// use circuits_testing::{Kit, Mock};
/// use serde_json::json;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// // #[tokio::test(start_paused = true)]
/// let platform = Mock::new().on("POST", "/incidents/2095/comments", json!({"id": 1}));
/// let kit = Kit::new("greeter", platform).await.unwrap();
/// let done = kit.handle("Greet", json!({"incident": {"id": 2095}})).await;
/// assert_eq!(done.reply.text(), "Greeted");
/// assert_eq!(kit.calls()[0].body["text"], "Hello");
/// # });
/// ```
pub struct Kit {
    loaded: Arc<Loaded>,
    routes: Routes,
    lanes: Lanes,
    /// `handler_timeout`.
    limit: Option<Duration>,
    /// `trap_exception`.
    trap: bool,
    client: Client,
    mock: Arc<Mock>,
    count: AtomicU64,
    /// Whether the test already knows of the unexpected calls.
    told: AtomicBool,
}

/// The answers of a handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The final reply; an error of the handler becomes an error reply, as the analyst reads it.
    pub reply: Reply,
    /// The interim statuses.
    pub statuses: Vec<String>,
}

impl Kit {
    /// The component with this name and the settings of its own section text.
    ///
    /// # Errors
    /// When it is not linked, or its constructor fails.
    pub async fn new(component: &str, platform: Mock) -> Result<Self> {
        Self::configured(component, "", platform).await
    }

    /// The same with these sections of app.config (`[greeter]\ngreeting=Hello\n`).
    ///
    /// # Errors
    /// As for [`new`](Self::new); also when the sections are invalid.
    pub async fn configured(component: &str, sections: &str, platform: Mock) -> Result<Self> {
        let registration = find(component)?;
        let config = Arc::new(configuration(registration, RESILIENT, sections)?);
        let mock = Arc::new(platform);
        let answers = Arc::clone(&mock);
        let script = Arc::new(move |asked: Asked<'_>| {
            let answer = answers.answer(call(&asked));
            (answer.status, answer.body)
        });
        let client = Client::scripted(mock.org_id(), script).await?;
        let loaded =
            construct(registration, &config, &client).map_err(|faults| Error::new(faults.join("\n")))?;
        let routes = Routes::new([(registration.name(), &loaded.component)])?;
        Ok(Self {
            loaded,
            routes,
            lanes: Lanes::new(WORKERS),
            limit: config.settings().handler_timeout,
            trap: config.settings().trap_exception,
            client,
            mock,
            count: AtomicU64::new(0),
            told: AtomicBool::new(false),
        })
    }

    /// Handles an action of this rule, as a runner does: several at a time keep the order of their incident, `handler_timeout`
    /// applies, and a panic of the handler becomes an error reply.
    pub async fn handle(&self, rule: &str, message: Value) -> Done {
        let statuses = Arc::new(Mutex::new(Vec::new()));
        let outcome = self.run(rule, message, Arc::clone(&statuses)).await;
        let reply = outcome.unwrap_or_else(|error| Reply::error(error.to_string()));
        let statuses = std::mem::take(&mut *statuses.lock().unwrap_or_else(PoisonError::into_inner));
        Done { reply, statuses }
    }

    /// Handles a call of this function with these inputs, as the platform sends them: a choice is `{"id": 1, "name": ".."}`, rich
    /// text `{"format": "text", "content": ".."}`.
    pub async fn call(&self, function: &str, inputs: Value) -> Done {
        self.handle(function, json!({"function": {"name": function}, "inputs": inputs})).await
    }

    async fn run(&self, rule: &str, message: Value, statuses: Arc<Mutex<Vec<String>>>) -> Result<Reply> {
        let message = ActionMessage::parse(message.to_string().as_bytes())?;
        let queue = self.loaded.component.destination.as_str();
        let handler = match message.function() {
            Some(function) => self.routes.function(function)?,
            None => self.routes.find(queue, Some(rule))?,
        };
        let id = format!("ID:kit-{}", self.count.fetch_add(1, Ordering::Relaxed) + 1);
        let key = self.lanes.key(queue, message.subject());
        let stopped = || Error::new("the kit was dropped");
        let turn = self.lanes.ticket(&key).turn().await.ok_or_else(stopped)?;
        let journal = Arc::new(MemoryJournal::default());
        let attempt = Attempt::new(journal, Arc::new(Vitals::new()), id.clone(), message.incident_id());
        let headroom = Arc::new(Headroom::new(queue, u32::MAX));
        let seat = Seat::new(self.lanes.clone(), key, headroom, turn, attempt);
        let handling = Handling {
            handler: handler.clone(),
            limit: self.limit,
            trap: message.function().filter(|_| self.trap).map(str::to_owned),
            seat: Arc::clone(&seat),
            headers: self.headers(&id, queue),
            key: id,
            rule: Some(rule.to_owned()),
            message,
            rest: self.client.with_token(Some(TOKEN)),
            // Answers to callbacks come over HTTP, which a kit has not.
            callbacks: Callbacks::new(Arc::new(MemoryStore::default())),
            status: Box::new(move |reply| {
                statuses.lock().unwrap_or_else(PoisonError::into_inner).push(reply.text().to_owned());
            }),
        };
        let outcome = handling.run(&CancellationToken::new()).await;
        seat.done();
        outcome
    }

    /// The headers of a message, as the platform sets them.
    fn headers(&self, id: &str, queue: &str) -> Headers {
        let headers = [
            ("message-id", id.to_owned()),
            ("destination", format!("/queue/{}", DestinationName::actions(self.mock.org_id(), queue))),
            ("reply-to", format!("/queue/acks.{}.{queue}", self.mock.org_id())),
            ("correlation-id", "invid:1".to_owned()),
            ("timestamp", crate::delivery::submit::now().to_string()),
            (CONTEXT_TOKEN, TOKEN.to_owned()),
        ];
        headers.map(|(name, value)| (name.to_owned(), value)).to_vec().into()
    }

    /// The calls to the platform so far, each with the context token of its action, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.mock.calls()
    }

    /// The calls that were not expected; the caller must then report them.
    pub(super) fn surprises(&self) -> Vec<String> {
        self.told.store(true, Ordering::Relaxed);
        self.mock.surprises()
    }

    /// The name of the handled rule that the name in a file's name stands for.
    pub(super) fn rule(&self, recorded: &str) -> Option<&str> {
        let bare = |name: &str| -> String {
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let routes = self.loaded.component.routes.iter();
        routes.map(|route| route.rule.as_str()).find(|rule| bare(rule) == bare(recorded))
    }
}

/// The context token of every action.
const TOKEN: &str = "kit-token";

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("component", &self.loaded.component).finish_non_exhaustive()
    }
}

/// Fails the test if something was called that the mock does not expect.
impl Drop for Kit {
    fn drop(&mut self) {
        let surprises = self.mock.surprises();
        if !surprises.is_empty() && !self.told.load(Ordering::Relaxed) && !std::thread::panicking() {
            panic!("{}", surprises.join("\n"));
        }
    }
}

fn call(asked: &Asked<'_>) -> Call {
    Call {
        method: asked.method.as_str().to_owned(),
        path: asked.path.to_owned(),
        query: asked.query.to_owned(),
        token: asked.token.map(str::to_owned),
        body: serde_json::from_slice(asked.body).unwrap_or_default(),
    }
}
