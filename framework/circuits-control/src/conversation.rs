//! Takes commands, and answers each of them once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use circuits::extension::Context;
use circuits::{QueueMessage, QueueSender, SideQueue};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use crate::bodies::Bodies;
use crate::command::{Command, failed};
use crate::known::{Known, Seen};
use crate::run_service::RunService;
use crate::settings::Settings;

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
    reply: Arc<str>,
    sender: QueueSender,
    service: RunService,
    pool: Arc<Semaphore>,
    counts: Arc<Counts>,
    known: Arc<Mutex<Known>>,
}

impl Conversation {
    pub(crate) fn new(settings: Settings, context: &Context, sender: QueueSender) -> Self {
        let bodies = Bodies::new(Arc::clone(context.store()));
        Self {
            reply: settings.reply.into(),
            sender,
            service: RunService { web: context.web().clone(), bodies, timeout: settings.timeout },
            pool: Arc::new(Semaphore::new(settings.at_a_time)),
            counts: Arc::default(),
            known: Arc::default(),
        }
    }

    /// Goes on until the runner stops.
    pub(crate) async fn hold(self, mut queue: SideQueue, context: &Context) {
        let tasks = TaskTracker::new();
        loop {
            let message = tokio::select! {
                () = context.stopped() => break,
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
        queue.close().await;
    }

    async fn take(self, message: QueueMessage) {
        let command = match message.flaw() {
            Some(flaw) => Command::Wrong(flaw),
            None => Command::read(message.body()),
        };
        let answer = match command {
            Command::Heartbeat => json!({"command": "Heartbeat", "metric": self.metric()}),
            Command::RunService(command) => {
                self.counts.requests.fetch_add(1, Ordering::Relaxed);
                // It is never closed.
                let _place = self.pool.acquire().await.ok();
                let answer = self.service.answer(&command, message.is_redelivered()).await;
                if answer.is_error {
                    self.counts.errors.fetch_add(1, Ordering::Relaxed);
                }
                answer.message
            }
            Command::Wrong(text) => {
                self.counts.errors.fetch_add(1, Ordering::Relaxed);
                warn!("A message on the control queue is no command: {text}");
                failed(&text)
            }
        };
        self.tell(&message, &answer).await;
    }

    /// Sends the answer, and only then lets the broker forget the command.
    async fn tell(&self, message: &QueueMessage, answer: &Value) {
        let queue = message.header("reply-to").unwrap_or(&self.reply);
        let correlation = message.header("correlation-id").map(|id| ("correlation-id", id));
        let headers: Vec<_> = correlation.into_iter().chain([("content-type", "application/json")]).collect();
        match self.sender.send(queue, &headers, Bytes::from(answer.to_string())).await {
            Ok(()) => drop(self.counts.responses.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                error!(%error, queue, "The answer to a command could not be sent; let the runner's account write there");
            }
        }
        let newest = self.known().answered(message);
        self.sender.done(newest.as_ref().unwrap_or(message));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metric(&self) -> Value {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { requests, responses, errors } = &*self.counts;
        json!({"Errors": count(errors), "Requests": count(requests), "Responses": count(responses)})
    }
}
