//! Takes commands, and answers each of them once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use circuits::extension::Context;
use circuits::{QueueMessage, QueueSender, SideQueue};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::bodies::Bodies;
use crate::command::{Command, done, failed};
use crate::known::{Known, Seen};
use crate::run_service::RunService;
use crate::settings::Settings;

/// Who steers, in the log and where a pause is kept.
const WHO: &str = "control queue";

/// The counts that a heartbeat reports.
#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    responses: AtomicU64,
    errors: AtomicU64,
}

/// What the answers to commands need. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Conversation {
    settings: Arc<Settings>,
    context: Context,
    pub(crate) sender: QueueSender,
    service: RunService,
    pool: Arc<Semaphore>,
    counts: Arc<Counts>,
    known: Arc<Mutex<Known>>,
    /// Is told of each heartbeat, and of each broker check.
    pub(crate) heard: Arc<Heard>,
}

/// What those who wait for commands are told of.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) heartbeat: Notify,
    pub(crate) broker_check: Notify,
}

impl Conversation {
    pub(crate) fn new(settings: Arc<Settings>, context: &Context, sender: QueueSender) -> Self {
        let bodies = Bodies::new(Arc::clone(context.store()));
        Self {
            sender,
            service: RunService { web: context.web().clone(), bodies, timeout: settings.timeout },
            pool: Arc::new(Semaphore::new(settings.at_a_time)),
            counts: Arc::default(),
            known: Arc::default(),
            heard: Arc::default(),
            context: context.clone(),
            settings,
        }
    }

    /// The same over another connection.
    pub(crate) fn over(&self, sender: QueueSender) -> Self {
        Self { sender, ..self.clone() }
    }

    /// Takes commands until the runner stops, or `end` resolves.
    pub(crate) async fn hold(&self, queue: &mut SideQueue, end: impl Future<Output = ()>) {
        let tasks = TaskTracker::new();
        let mut end = std::pin::pin!(end);
        loop {
            let message = tokio::select! {
                () = self.context.stopped() => break,
                () = &mut end => break,
                message = queue.receive() => message,
            };
            let Some(message) = message else { break };
            match self.known().see(&message) {
                Seen::New => {
                    let it = self.clone();
                    tasks.spawn(async move { it.take(message).await });
                }
                // Its answer acknowledges what came last.
                Seen::Running => {}
                Seen::Answered => self.sender.done(&message),
            }
        }
        tasks.close();
        // What is not answered stays with the broker.
        tasks.wait().await;
    }

    /// Says that the runner is there, once it has subscribed everywhere.
    pub(crate) async fn ready(&self) {
        let report = self.context.health().report();
        let destinations = report.destinations;
        let ready = json!({"command": "Ready", "destinations": destinations, "discoveryTypes": self.service.web.components()});
        self.send(&self.settings.reply, &[], &ready).await;
    }

    async fn take(self, message: QueueMessage) {
        let command = match (message.flaw(), self.refused(&message)) {
            (Some(text), _) | (None, Some(text)) => Command::Wrong { kind: None, text },
            (None, None) => Command::read(message.body()),
        };
        if command == Command::Acknowledged {
            self.known().answered(&message);
            return self.sender.done(&message);
        }
        let stops = matches!(command, Command::Shutdown { .. });
        let answer = self.answer(command, &message).await;
        let queue = message.header("reply-to").unwrap_or(&self.settings.reply);
        let correlation = message.header("correlation-id").map(|id| ("correlation-id", id));
        self.send(queue, correlation.as_slice(), &answer).await;
        let newest = self.known().answered(&message);
        self.sender.done(newest.as_ref().unwrap_or(&message));
        if stops {
            self.context.stop_runner();
        }
    }

    /// Why a message counts for nothing: it comes too late, or only signed ones count.
    fn refused(&self, message: &QueueMessage) -> Option<String> {
        let ends =
            message.header("expires").and_then(|ends| ends.parse::<i64>().ok()).filter(|ends| *ends > 0);
        if ends.is_some_and(|ends| ends < Timestamp::now().as_millisecond()) {
            return Some("the command came too late: its time (`expires`) is over".to_owned());
        }
        let key = self.settings.key.as_ref()?;
        match key.id(message) {
            None => Some("the signature is missing, wrong, or older than five minutes".to_owned()),
            Some(id) if message.is_redelivered() || self.known().first_use(id) => None,
            Some(_) => Some("a command with this webhook-id came before".to_owned()),
        }
    }

    async fn answer(&self, command: Command, message: &QueueMessage) -> Value {
        match command {
            Command::Heartbeat => {
                self.heard.heartbeat.notify_one();
                json!({"command": "Heartbeat", "metric": self.metric()})
            }
            Command::BrokerCheck => {
                self.heard.broker_check.notify_one();
                done("BrokerCheck")
            }
            Command::LoggingChange(level) => match self.context.steering().log() {
                Some(log) => {
                    log.set(level);
                    info!("The control queue set the level of the log to {level}");
                    done("LoggingChange")
                }
                None => self.fail(Some("LoggingChange"), "this runner lets nobody change its log"),
            },
            Command::Shutdown { reason } => {
                info!(
                    "The control queue stops the runner: {}",
                    reason.as_deref().unwrap_or("no reason is given")
                );
                done("Shutdown")
            }
            Command::Pause(destination) => self.steer("Pause", &destination).await,
            Command::Resume(destination) => self.steer("Resume", &destination).await,
            Command::RunService(command) => self.run(&command, message.is_redelivered()).await,
            Command::Acknowledged => Value::Null,
            Command::Wrong { kind, text } => {
                warn!("A message on the control queue is refused: {text}");
                self.fail(kind, &text)
            }
        }
    }

    async fn run(&self, command: &Map<String, Value>, again: bool) -> Value {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        // It is never closed.
        let _place = self.pool.acquire().await.ok();
        let answer = self.service.answer(command, again).await;
        if answer.is_error {
            self.counts.errors.fetch_add(1, Ordering::Relaxed);
        }
        answer.message
    }

    async fn steer(&self, kind: &str, destination: &str) -> Value {
        let steering = self.context.steering();
        if !steering.destinations().iter().any(|one| one.name == destination) {
            let names: Vec<_> = steering.destinations().into_iter().map(|one| one.name).collect();
            let text =
                format!("the runner does not listen on `{destination}`; it does on {}", names.join(", "));
            return self.fail(Some(kind), &text);
        }
        let steered = match kind {
            "Pause" => steering.pause(destination, WHO).await,
            _ => steering.resume(destination, WHO).await,
        };
        match steered {
            Ok(()) => done(kind),
            Err(error) => {
                error!(%error, destination, "The control queue could not steer a destination");
                self.fail(Some(kind), circuits::web::STORE_FAILED)
            }
        }
    }

    fn fail(&self, kind: Option<&str>, text: &str) -> Value {
        self.counts.errors.fetch_add(1, Ordering::Relaxed);
        failed(kind, text)
    }

    async fn send(&self, queue: &str, headers: &[(&str, &str)], answer: &Value) {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        match self.sender.send(queue, &headers, Bytes::from(answer.to_string())).await {
            Ok(()) => drop(self.counts.responses.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                error!(%error, queue, "The answer to a command could not be sent; let the runner's account write there");
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metric(&self) -> Value {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { requests, responses, errors } = &*self.counts;
        let report = self.context.health().report();
        json!({
            "Errors": count(errors), "Requests": count(requests), "Responses": count(responses),
            "Handled": report.handled, "Failed": report.failed, "Running": report.running.len(), "Waiting": report.waiting,
            "Queued": report.queued,
        })
    }
}
