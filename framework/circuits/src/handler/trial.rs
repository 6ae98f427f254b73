//! For the combinators' tests: lanes, workers and actions as the dispatcher has them, on a paused clock, without a broker.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use circuits_rest::Rest;
use circuits_sandbox::Sandbox;
use circuits_stomp::Headers;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Handler, HandlerFuture};
use crate::action::Inner;
use crate::config::Config;
use crate::delivery::attempt::Attempt;
use crate::delivery::headroom::Headroom;
use crate::delivery::lanes::Lanes;
use crate::delivery::seat::Seat;
use crate::journal::MemoryJournal;
use crate::message::ActionMessage;
use crate::{Action, Error, Reply, Result};

/// What happened, each line with its time in milliseconds, cut to tens.
#[derive(Debug)]
pub(super) struct Log {
    start: Instant,
    lines: Mutex<Vec<String>>,
    /// How often `work` shall fail from now on.
    pub(super) failures: Mutex<u32>,
}

impl Log {
    fn say(&self, text: &str) {
        // Timers go off at the next whole millisecond.
        let line = format!("{} {text}", self.start.elapsed().as_millis() / 10 * 10);
        self.lines.lock().unwrap().push(line);
    }

    /// A handler that takes no time.
    pub(super) async fn work(self: Arc<Self>, action: Action) -> Result<Reply> {
        self.say(&format!("{} runs", action.key()));
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(Error::new("no luck"));
        }
        Ok(Reply::completed("worked"))
    }

    /// A handler that takes 100 ms.
    pub(super) async fn slow(self: Arc<Self>, action: Action) -> Result<Reply> {
        let reply = Arc::clone(&self).work(action.clone()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.say(&format!("{} ends", action.key()));
        reply
    }
}

type Bound = Arc<dyn Fn(Arc<Log>, Action) -> HandlerFuture + Send + Sync>;

/// A handler under test and the lanes before it.
pub(super) struct Trial {
    handler: Bound,
    rest: Rest,
    lanes: Lanes,
    tasks: TaskTracker,
    pub(super) log: Arc<Log>,
}

impl Trial {
    /// A trial with `workers`. The clock is paused from here on.
    pub(super) async fn new<Form>(workers: usize, handler: impl Handler<Log, Form>) -> Self {
        let sandbox = Sandbox::builder().start().await.unwrap();
        let rest = crate::login(&Config::from_text(&sandbox.app_config()).unwrap(), |_| {}).await.unwrap();
        drop(sandbox);
        tokio::time::pause();
        let log = Log { start: Instant::now(), lines: Mutex::default(), failures: Mutex::default() };
        Self {
            handler: Arc::new(move |log, action| handler.call(log, action)),
            rest,
            lanes: Lanes::new(workers),
            tasks: TaskTracker::new(),
            log: Arc::new(log),
        }
    }

    /// An action of an incident arrives.
    pub(super) fn arrives(&self, name: &'static str, incident: i64) {
        let key = self.lanes.key("q", Some(incident));
        let (ticket, lanes, log) = (self.lanes.ticket(&key), self.lanes.clone(), Arc::clone(&self.log));
        let (handler, rest) = (Arc::clone(&self.handler), self.rest.clone());
        self.tasks.spawn(async move {
            let Some(turn) = ticket.turn().await else {
                return log.say(&format!("{name} stays with the broker"));
            };
            let attempt = Attempt::new(Arc::new(MemoryJournal::default()), name.to_owned(), Some(incident));
            let seat = Seat::new(lanes, key, Arc::new(Headroom::new("q", u32::MAX)), turn, attempt);
            let said = Arc::clone(&log);
            let action = Action::from(Inner {
                key: name.to_owned(),
                rule: Some("Rule".to_owned()),
                message: ActionMessage::parse(&Bytes::from(
                    json!({"incident": {"id": incident}}).to_string(),
                ))
                .unwrap(),
                headers: Headers::default(),
                rest,
                seat: Arc::clone(&seat),
                cancel: CancellationToken::new(),
                status: Box::new(move |reply| said.say(&format!("{name} status {}", reply.text()))),
            });
            tokio::select! {
                outcome = handler(Arc::clone(&log), action) => {
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
    pub(super) async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// The runner stops.
    pub(super) fn stop(&self) {
        self.lanes.close();
    }

    /// Everything that happened once all actions have ended.
    pub(super) async fn end(&self) -> Vec<String> {
        self.tasks.close();
        self.tasks.wait().await;
        std::mem::take(&mut *self.log.lines.lock().unwrap())
    }
}

/// Milliseconds.
pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
