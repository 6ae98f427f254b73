//! The third stage: waits for the message's turn, finds its handler and runs it, then hands the reply to be settled.

use std::sync::{Arc, OnceLock};

use circuits_rest::Exchange;
use circuits_stomp::Headers;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{Span, error, info, warn};

use super::about::About;
use super::attempt::Attempt;
use super::handling::{Handling, Listener};
use super::lanes::{LaneKey, Lanes, Ticket};
use super::seat::{Seat, Waits};
use super::settle::{ReplyAddress, Settler};
use crate::callback::Callbacks;
use crate::journal::{Outcome, Step};
use crate::message::{ActionMessage, CONTEXT_TOKEN};
use crate::recording::Mark;
use crate::runtime::shared::Shared;
use crate::signal::{ActionProgress, ActionStarted, ActionWaiting, EventKind, Progress, Waiting};
use crate::{Reply, Result};

/// Runs handlers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settler: Settler,
    pub(crate) lanes: Lanes,
    pub(crate) callbacks: Callbacks,
    /// Ends the handlers that outlast the grace time at shutdown.
    pub(crate) abort: CancellationToken,
}

/// A message that is to be handled.
pub(super) struct Job {
    pub(super) about: Arc<About>,
    pub(super) queue: String,
    pub(super) address: ReplyAddress,
    pub(super) message: ActionMessage,
    pub(super) headers: Headers,
}

/// What becomes of a message whose turn has come.
enum Answer {
    /// It is answered with this.
    Reply(Reply),
    /// Somebody, who is named, has set it aside.
    Aside(String),
    /// The runner is stopping, and it must stay with the broker.
    Stays,
}

impl Run {
    /// Handles a message when the ticket's turn has come. Without a turn the runner is stopping, and the message stays with
    /// the broker.
    pub(super) async fn run(self, job: Job, key: LaneKey, ticket: Ticket) {
        let (about, address) = (Arc::clone(&job.about), job.address.clone());
        let (held, mut aside) = self.shared.vitals.hold(&about);
        let turn = tokio::select! {
            biased;
            // Its other end lives as long as `held`.
            Ok(by) = &mut aside => {
                drop(held);
                return self.set_aside(&about, &address, &by).await;
            }
            turn = ticket.turn() => turn,
        };
        let Some(turn) = turn else { return };
        let headroom = self.shared.headroom(&job.queue);
        let attempt = Attempt::new(
            Arc::clone(&self.settler.journal),
            Arc::clone(&self.settler.vitals),
            job.about.id.clone(),
            job.about.incident(),
        );
        let seat = Seat::new(self.lanes.clone(), key, headroom, turn, attempt);
        seat.on_wait(self.waits(&job.about));
        let recorded = OnceLock::new();
        about.begins();
        let answer = self.answer(job, &seat, &recorded, &mut aside).await;
        drop(held);
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Aside(by) => {
                seat.done();
                return self.set_aside(&about, &address, &by).await;
            }
            Answer::Stays => return seat.release().await,
        };
        self.shared.record_reply(&recorded, &reply);
        self.settler.finish(&about, &reply, Outcome::Answered).await;
        // The incident's next message need not wait for the broker.
        seat.done();
        self.settler.settle(&about, &address, &reply).await;
    }

    /// Answers a message in place of its handler, because somebody has set it aside.
    async fn set_aside(&self, about: &About, address: &ReplyAddress, by: &str) {
        warn!(by, "The action is set aside");
        let reply = Reply::error(format!("Set aside by {by}: the action was not handled"));
        self.settler.finish(about, &reply, Outcome::SetAside).await;
        self.settler.settle(about, address, &reply).await;
    }

    /// What becomes of a message whose turn has come.
    async fn answer(
        &self,
        job: Job,
        seat: &Arc<Seat>,
        recorded: &OnceLock<Mark>,
        aside: &mut oneshot::Receiver<String>,
    ) -> Answer {
        // In this order: what ends because the runner stops must not be answered with the error that it ends with.
        tokio::select! {
            biased;
            () = self.abort.cancelled() => {
                warn!("The handler was stopped at the end of the grace time; the message stays with the broker");
                Answer::Stays
            }
            Ok(by) = aside => Answer::Aside(by),
            () = seat.abandoned() => {
                info!("The action was waiting when the runner stopped; the message stays with the broker");
                Answer::Stays
            }
            outcome = self.handle(job, seat, recorded) => Answer::Reply(outcome.unwrap_or_else(|error| {
                error!(error = ?error, "The action failed");
                Reply::error(error.to_string())
            })),
        }
    }

    async fn handle(&self, job: Job, seat: &Arc<Seat>, recorded: &OnceLock<Mark>) -> Result<Reply> {
        let client = &self.shared.client;
        let rule = loop {
            if client.is_down() {
                info!("The platform is down; the action waits for it");
                // Rare, and large: every message that waits for anything else would otherwise reserve room for it.
                Box::pin(seat.wait_in_lane(client.ready())).await;
            }
            match self.shared.rules.of(&job.message).await {
                Ok(rule) => break rule,
                Err(error) if client.is_down() => {
                    warn!(%error, "The name of the message's rule could not be fetched; the action waits for the platform");
                }
                Err(error) => {
                    warn!(%error, "The platform's list of rules could not be fetched, so the message's rule has no name");
                    break None;
                }
            }
        };
        if let Some(rule) = &rule {
            Span::current().record("rule", &**rule);
            job.about.of_rule(rule);
        }
        self.shared.record(recorded, rule.as_deref(), &job.headers, &job.message);
        seat.start(rule.as_deref()).await;
        let (handler, limit, trap) = {
            // Not held while the handler runs: what a reload replaces ends when its last reference is dropped.
            let live = self.shared.live();
            let handler = match job.message.function() {
                Some(function) => live.routes.function(function)?,
                None => live.routes.find(&job.queue, rule.as_deref())?,
            };
            let settings = live.config.settings();
            (handler.clone(), settings.handler_timeout, settings.trap_exception)
        };
        if !self.shared.vitals.begin(&job.about.id, seat) {
            // Whoever waits for this hears of it too.
            return std::future::pending().await;
        }
        self.settler.bus.emit(EventKind::ActionStarted, || ActionStarted { about: job.about.facts() });
        info!("Handling the action");
        let journal = Arc::clone(&self.settler.journal);
        let id = job.about.id.clone();
        let rest = client.with_token(job.headers.get(CONTEXT_TOKEN)).observed(
            move |Exchange { method, path, status, took, .. }| {
                journal.step(&id, Step::Call { method: method.as_str(), path, status, took });
            },
        );
        let handling = Handling {
            handler,
            limit,
            trap: job.message.function().filter(|_| trap).map(str::to_owned),
            seat: Arc::clone(seat),
            status: self.status(&job),
            key: job.about.id.clone(),
            rule: rule.as_deref().map(str::to_owned),
            message: job.message,
            headers: job.headers,
            rest,
            callbacks: self.callbacks.clone(),
        };
        handling.run(&self.abort).await
    }

    /// Tells the journal and whoever listens that the action waits.
    fn waits(&self, about: &Arc<About>) -> Waits {
        let (settler, about) = (self.settler.clone(), Arc::clone(about));
        Box::new(move |waiting: Waiting| {
            settler.bus.emit(EventKind::ActionWaiting, || ActionWaiting {
                about: about.facts(),
                waiting: waiting.clone(),
            });
            settler.journal.step(&about.id, Step::Waiting(waiting));
        })
    }

    /// The listener that reports progress to the platform, the journal and the log.
    fn status(&self, job: &Job) -> Listener {
        let (settler, address, about) = (self.settler.clone(), job.address.clone(), Arc::clone(&job.about));
        let span = Span::current();
        Box::new(move |reply: Reply| {
            let _in_span = span.enter();
            info!(text = reply.text(), "Status");
            settler.journal.step(&about.id, Step::Status(reply.text().to_owned()));
            settler.bus.emit(EventKind::ActionProgress, || ActionProgress {
                about: about.facts(),
                progress: Progress { message: reply.text().to_owned() },
            });
            settler.tell(&address, reply);
        })
    }
}
