//! For the combinators' tests: lanes, workers and actions as the dispatcher has them, on a paused clock, without a broker.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use circuits_rest::Client;
use circuits_stomp::Headers;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Handler;
use crate::callback::Callbacks;
use crate::component::BoundHandler;
use crate::delivery::attempt::Attempt;
use crate::delivery::handling::Handling;
use crate::delivery::headroom::Headroom;
use crate::delivery::lanes::Lanes;
use crate::delivery::seat::Seat;
use crate::journal::MemoryJournal;
use crate::message::{ActionMessage, Subject};
use crate::runtime::vitals::Vitals;
use crate::store::MemoryStore;
use crate::{Action, Error, Reply, Result};

/// What happened, each line with its time in milliseconds, cut to tens.
#[derive(Debug)]
pub(crate) struct Log {
    start: Instant,
    lines: Mutex<Vec<String>>,
    /// How often `work` is still to fail.
    pub(crate) failures: Mutex<u32>,
}

impl Log {
    fn say(&self, text: &str) {
        // Timers go off at the next whole millisecond.
        let line = format!("{} {text}", self.start.elapsed().as_millis() / 10 * 10);
        self.lines.lock().unwrap().push(line);
    }

    /// A handler that takes no time.
    pub(crate) async fn work(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.say(&format!("{} runs", action.key()));
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(Error::new("no luck"));
        }
        Ok(Reply::completed("worked"))
    }

    /// A handler that panics.
    pub(crate) async fn broken(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.say(&format!("{} runs", action.key()));
        panic!("broken");
    }

    /// A handler that goes on reporting after it has ended.
    pub(crate) async fn chatty(self: Arc<Self>, action: Action) -> Result<Reply> {
        action.status("begun");
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            action.status("too late");
        });
        Ok(Reply::completed("worked"))
    }

    /// A handler that takes 100 ms.
    pub(crate) async fn slow(self: Arc<Self>, action: Action) -> Result<Reply> {
        let reply = Arc::clone(&self).work(action.clone()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.say(&format!("{} ends", action.key()));
        reply
    }
}

/// A handler under test and the lanes before it.
pub(crate) struct Trial {
    handler: BoundHandler,
    client: Client,
    lanes: Lanes,
    tasks: TaskTracker,
    /// `handler_timeout`.
    pub(crate) limit: Option<Duration>,
    pub(crate) log: Arc<Log>,
}

impl Trial {
    /// A trial with `workers`. The clock is paused from here on.
    pub(crate) async fn new<Form>(workers: usize, handler: impl Handler<Log, Form>) -> Self {
        let client = Self::client().await;
        tokio::time::pause();
        Self::with_client(client, workers, handler)
    }

    /// A trial with another handler, for a test that already has a trial.
    pub(crate) fn next<Form>(&self, workers: usize, handler: impl Handler<Log, Form>) -> Self {
        Self::with_client(self.client.clone(), workers, handler)
    }

    /// A client that reaches nothing.
    pub(crate) async fn client() -> Client {
        Client::scripted(201, Arc::new(|_| (503, Vec::new()))).await.unwrap()
    }

    /// A trial with a client that other trials use too.
    pub(crate) fn with_client<Form>(
        client: Client,
        workers: usize,
        handler: impl Handler<Log, Form>,
    ) -> Self {
        let log = Log { start: Instant::now(), lines: Mutex::default(), failures: Mutex::default() };
        let log = Arc::new(log);
        Self {
            handler: BoundHandler::new(Arc::clone(&log), handler),
            client,
            lanes: Lanes::new(workers),
            tasks: TaskTracker::new(),
            limit: None,
            log,
        }
    }

    /// An action of an incident arrives.
    pub(crate) fn arrives(&self, name: impl Into<String>, incident: i64) {
        let name = name.into();
        let key = self.lanes.key("q", Some(Subject::Incident(incident)));
        let (ticket, lanes, log) = (self.lanes.ticket(&key), self.lanes.clone(), Arc::clone(&self.log));
        let (handler, limit, rest) = (self.handler.clone(), self.limit, self.client.with_token(None));
        self.tasks.spawn(async move {
            let Some(turn) = ticket.turn().await else {
                return log.say(&format!("{name} stays with the broker"));
            };
            let attempt = Attempt::new(
                Arc::new(MemoryJournal::default()),
                Arc::new(Vitals::new()),
                name.clone(),
                Some(incident),
            );
            let seat = Seat::new(lanes, key, Arc::new(Headroom::new("q", u32::MAX)), turn, attempt);
            let (said, sayer) = (Arc::clone(&log), name.clone());
            let message = json!({"incident": {"id": incident}}).to_string();
            let handling = Handling {
                handler,
                limit,
                trap: None,
                seat: Arc::clone(&seat),
                key: name.clone(),
                rule: Some("Rule".to_owned()),
                message: ActionMessage::parse(&Bytes::from(message)).unwrap(),
                headers: Headers::default(),
                rest,
                callbacks: Callbacks::new(Arc::new(MemoryStore::default())),
                status: Box::new(move |reply| said.say(&format!("{sayer} status {}", reply.text()))),
            };
            let abort = CancellationToken::new();
            tokio::select! {
                outcome = handling.run(&abort) => {
                    log.say(&match outcome {
                        Ok(reply) => format!("{name} = {}", reply.text()),
                        Err(error) => format!("{name} ! {error}"),
                    });
                    seat.done();
                }
                () = seat.abandoned() => log.say(&format!("{name} stays with the broker")),
            }
        });
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// The runner stops.
    pub(crate) fn stop(&self) {
        self.lanes.close();
    }

    /// Everything that happened once all actions have ended.
    pub(crate) async fn end(&self) -> Vec<String> {
        self.tasks.close();
        self.tasks.wait().await;
        std::mem::take(&mut *self.log.lines.lock().unwrap())
    }
}

/// Milliseconds.
pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
