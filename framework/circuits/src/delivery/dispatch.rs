//! One delivery, one route, one reply: takes messages off the session, recognises redeliveries, queues each in its
//! incident's lane, runs the handler and hands the reply to be settled.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use circuits_rest::Exchange;
use circuits_stomp::{Deliveries, Delivery, Flaw, Headers};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::{Instrument, Span, error, field, info, info_span, warn};

use crate::action::{CONTEXT_TOKEN, Inner};
use crate::blocking::panic_text;
use crate::delivery::attempt::Attempt;
use crate::delivery::identity::identity;
use crate::delivery::in_flight::Held;
use crate::delivery::lanes::{LaneKey, Lanes, Ticket};
use crate::delivery::seat::Seat;
use crate::delivery::settle::{ReplyAddress, Settler, pause};
use crate::handler::timed_out;
use crate::journal::{Arrival, Outcome, Standing, Step};
use crate::message::{ActionMessage, DestinationName};
use crate::recording::Mark;
use crate::runtime::shared::Shared;
use crate::signal::Signal;
use crate::{Action, Error, Reply, Result};

/// How many deliveries are taken together, so that a journal can note their arrival in one go.
const BATCH: usize = 64;

/// Everything a message meets on its way. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settler: Settler,
    pub(crate) lanes: Lanes,
    pub(crate) tasks: TaskTracker,
    /// Ends the handlers that outlast the grace time at shutdown.
    pub(crate) abort: CancellationToken,
}

/// A message that has been told apart from all others, on its way to a handler.
struct Job {
    id: String,
    queue: String,
    incident: Option<i64>,
    address: ReplyAddress,
    /// Set once the message is recorded.
    recorded: OnceLock<Mark>,
}

/// What the handler is given of it.
struct Payload {
    message: ActionMessage,
    headers: Headers,
}

impl Dispatcher {
    /// Takes messages until `stop`, or until the session ends.
    pub(crate) async fn run(&self, deliveries: &mut Deliveries, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                taken = deliveries.recv_many(&mut batch, BATCH) => taken,
            };
            if taken == 0 {
                return;
            }
            self.take(batch.drain(..), &stop).await;
        }
    }

    async fn take(&self, batch: impl Iterator<Item = Delivery>, stop: &CancellationToken) {
        let (ids, fresh): (Vec<_>, Vec<_>) = batch.filter_map(|delivery| self.hold(delivery)).unzip();
        if ids.is_empty() {
            return;
        }
        let Some(standings) = self.begin(&ids, &fresh, stop).await else { return };
        for ((id, delivery), standing) in ids.into_iter().zip(fresh).zip(standings) {
            let address = ReplyAddress::of(&delivery.headers);
            self.admit(id, delivery, address, standing);
        }
    }

    /// Where these messages stand. While the journal cannot note them they stay un-acknowledged, and nothing new is taken; let
    /// go of they would be forgotten by the broker until the next connection. `None` once it stops.
    pub(crate) async fn begin(
        &self,
        ids: &[String],
        fresh: &[Delivery],
        stop: &CancellationToken,
    ) -> Option<Vec<Standing>> {
        let arrivals: Vec<_> =
            ids.iter().zip(fresh).map(|(id, delivery)| Arrival::of(id, delivery)).collect();
        let mut failures = 0;
        loop {
            match self.settler.journal.begin(&arrivals).await {
                Ok(standings) => {
                    self.shared.vitals.arrived();
                    return Some(standings);
                }
                Err(error) => {
                    self.shared.vitals.held_up(&error);
                    error!(%error, messages = ids.len(), "The journal could not note these messages; they wait, and stay with the broker");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(pause(failures)) => failures += 1,
            }
        }
    }

    /// Takes hold of a message that is new here; one that waits or runs already only renews its token.
    fn hold(&self, delivery: Delivery) -> Option<(String, Delivery)> {
        let Some(id) = identity(&delivery) else {
            self.refuse_unidentified(delivery);
            return None;
        };
        match self.settler.in_flight.hold(&id, &delivery.token) {
            Held::New => Some((id, delivery)),
            Held::Redelivered => {
                info!(
                    message_id = id,
                    "The message was redelivered while it is still being handled; it is not run again"
                );
                None
            }
            Held::Twice => {
                warn!(
                    message_id = id,
                    "The broker delivered the message twice; the second delivery is acknowledged and not handled"
                );
                self.settler.session.ack(&delivery.token);
                None
            }
        }
    }

    fn refuse_unidentified(&self, delivery: Delivery) {
        let settler = self.settler.clone();
        error!(
            destination = delivery.subscription,
            "A message without message-id is refused: it could not be told from its redelivery"
        );
        self.tasks.spawn(async move {
            let reply = Reply::error("The message has no message-id header, so it was not handled");
            settler.refuse_unidentified(&delivery.token, &ReplyAddress::of(&delivery.headers), &reply).await;
        });
    }

    pub(crate) fn admit(&self, id: String, delivery: Delivery, address: ReplyAddress, standing: Standing) {
        let span = info_span!("action", message_id = id, incident = field::Empty, rule = field::Empty);
        let _in_span = span.enter();
        match standing {
            Standing::Replied => {
                info!("The message was redelivered after its reply was confirmed; it is acknowledged only");
                let settler = self.settler.clone();
                self.tasks
                    .spawn(async move { settler.acknowledge(&id, &delivery.token).await }.in_current_span());
            }
            Standing::Finished(reply) => {
                info!(
                    "The message was redelivered after it was handled; its reply is sent, the handler does not run again"
                );
                self.settle(id, address, reply);
            }
            Standing::Run { attempt } => {
                address.warn_of_gaps();
                let max_attempts = self.shared.live().config.settings().max_attempts;
                if attempt > max_attempts {
                    let error = Error::new(format_args!(
                        "Gave up after {max_attempts} attempts, each of which ended the process. The message is set aside"
                    ));
                    return self.refuse(id, address, &error, Outcome::SetAside);
                }
                if attempt > 1 {
                    warn!(
                        attempt,
                        max_attempts,
                        "The process ended before while this message was handled; it is tried again"
                    );
                }
                match self.read(&delivery) {
                    Ok((queue, incident, message)) => {
                        span.record("incident", incident);
                        let key = self.lanes.key(&queue, incident);
                        // Here and not in the task, so that tickets are drawn in the order of arrival.
                        let ticket = self.lanes.ticket(&key);
                        let job = Job { id, queue, incident, address, recorded: OnceLock::new() };
                        let payload = Payload { message, headers: delivery.headers };
                        let this = self.clone();
                        self.tasks.spawn(
                            async move { this.handle(job, payload, key, ticket).await }.in_current_span(),
                        );
                    }
                    Err(error) => self.refuse(id, address, &error, Outcome::Answered),
                }
            }
        }
    }

    /// What must hold before a message may have a handler.
    fn read(&self, delivery: &Delivery) -> Result<(String, Option<i64>, ActionMessage)> {
        match &delivery.flaw {
            Some(flaw @ (Flaw::BodyTooBig { .. } | Flaw::HeaderTooBig { .. })) => {
                return Err(Error::new(flaw));
            }
            Some(flaw) => warn!(%flaw, "The message is handled all the same"),
            None => {}
        }
        let destination = delivery.headers.get("destination").unwrap_or(&delivery.subscription);
        let destination = DestinationName::parse(destination)
            .or_else(|| DestinationName::parse(&delivery.subscription))
            .ok_or_else(|| {
                Error::new(format_args!("Could not get queue name from destination: '{destination}'"))
            })?;
        let message = ActionMessage::parse(&delivery.body)?;
        let incident = message.incident_id();
        if incident.is_none() && message.function().is_none() {
            return Err(Error::new("The message has no incident with an id"));
        }
        Ok((destination.queue, incident, message))
    }

    /// Answers a message that no handler shall see.
    fn refuse(&self, id: String, address: ReplyAddress, error: &Error, outcome: Outcome) {
        error!(%error, "The message is refused");
        let reply = Reply::error(error.to_string());
        let this = self.clone();
        self.tasks.spawn(
            async move {
                this.finish(&id, &reply, outcome, Duration::ZERO).await;
                this.settler.settle(&id, &address, &reply).await;
            }
            .in_current_span(),
        );
    }

    async fn handle(&self, job: Job, payload: Payload, key: LaneKey, ticket: Ticket) {
        let queued = self.shared.vitals.queue();
        // Without a turn the runner is stopping, and the message stays with the broker.
        let Some(turn) = ticket.turn().await else { return };
        drop(queued);
        let headroom = self.shared.headroom(&job.queue);
        let attempt = Attempt::new(Arc::clone(&self.settler.journal), job.id.clone(), job.incident);
        let seat = Seat::new(self.lanes.clone(), key, headroom, turn, attempt);
        let started = Instant::now();
        let Some(reply) = self.answer(&job, payload, &seat).await else { return seat.release().await };
        self.shared.record_reply(&job.recorded, &reply);
        self.finish(&job.id, &reply, Outcome::Answered, started.elapsed()).await;
        // The incident's next message need not wait for the broker.
        seat.done();
        self.settler.settle(&job.id, &job.address, &reply).await;
    }

    /// The reply to a message; `None` when the runner is going down and the message must stay with the broker.
    async fn answer(&self, job: &Job, payload: Payload, seat: &Arc<Seat>) -> Option<Reply> {
        tokio::select! {
            outcome = self.execute(job, payload, seat) => Some(outcome.unwrap_or_else(|error| {
                error!(error = ?error, "The action failed");
                Reply::error(error.to_string())
            })),
            () = seat.abandoned() => {
                info!("The action was waiting when the runner stopped; the message stays with the broker");
                None
            }
            () = self.abort.cancelled() => {
                warn!("The handler was stopped at the end of the grace time; the message stays with the broker");
                None
            }
        }
    }

    async fn execute(&self, job: &Job, payload: Payload, seat: &Arc<Seat>) -> Result<Reply> {
        let client = &self.shared.client;
        if client.is_down() {
            info!("The platform is down; the action waits for it");
            // Rare, and large: every message that waits for something else would keep room for it.
            Box::pin(seat.wait_for(client.ready())).await;
        }
        let rule = self.shared.rules.of(&payload.message).await;
        if let Some(rule) = &rule {
            Span::current().record("rule", &**rule);
        }
        self.shared.record(&job.recorded, rule.as_deref(), &payload.headers, &payload.message);
        seat.start(rule.as_deref()).await;
        let (handler, limit) = {
            // Not held while the handler runs: what a reload replaces ends with the last hold on it.
            let live = self.shared.live();
            let handler = match payload.message.function() {
                Some(function) => live.routes.function(function)?,
                None => live.routes.find(&job.queue, rule.as_deref())?,
            };
            (handler.clone(), live.config.settings().handler_timeout)
        };
        // Ends with this run, however it ends, and with it what the handler left running elsewhere.
        let cancel = self.abort.child_token();
        let _ended = cancel.clone().drop_guard();
        let action = self.action(job, payload, rule.as_deref(), Arc::clone(seat), cancel);
        let _running = self.shared.vitals.run(&job.id, rule.as_deref(), job.incident, seat);
        self.settler.bus.emit(|| Signal::Started {
            message_id: job.id.clone(),
            rule: rule.as_deref().map(str::to_owned),
            incident: job.incident,
        });
        info!("Handling the action");
        // A task of its own, so that a panic ends there.
        let run =
            AbortOnDropHandle::new(tokio::spawn(async move { handler.call(action).await }.in_current_span()));
        tokio::select! {
            joined = run => joined.unwrap_or_else(|error| {
                Err(Error::new(format_args!("The handler panicked: {}", panic_text(error))))
            }),
            () = seat.overstayed(limit) => Err(timed_out(limit.unwrap_or_default())),
        }
    }

    fn action(
        &self,
        job: &Job,
        payload: Payload,
        rule: Option<&str>,
        seat: Arc<Seat>,
        cancel: CancellationToken,
    ) -> Action {
        let rest = self.shared.client.with_token(payload.headers.get(CONTEXT_TOKEN));
        let (journal, id) = (Arc::clone(&self.settler.journal), job.id.clone());
        let rest = rest.observed(move |Exchange { method, path, status, took, .. }| {
            journal.step(&id, Step::Call { method: method.as_str(), path, status, took });
        });
        let (settler, address, id) = (self.settler.clone(), job.address.clone(), job.id.clone());
        let span = Span::current();
        let status = move |reply: Reply| {
            let _in_span = span.enter();
            info!(text = reply.text(), "Status");
            settler.journal.step(&id, Step::Status(reply.text().to_owned()));
            settler.bus.emit(|| Signal::Status { message_id: id.clone(), text: reply.text().to_owned() });
            settler.tell(&address, reply);
        };
        Action::from(Inner {
            key: job.id.clone(),
            rule: rule.map(str::to_owned),
            message: payload.message,
            headers: payload.headers,
            rest,
            seat,
            cancel,
            status: Box::new(status),
        })
    }

    /// Notes the result, which the broker may be told of only then. Until the journal takes it, the message is held: redelivered
    /// meanwhile it does not run again.
    async fn finish(&self, id: &str, reply: &Reply, outcome: Outcome, took: Duration) {
        self.shared.vitals.finished(reply);
        info!(error = reply.is_error(), took_ms = took.as_millis() as u64, text = reply.text(), "Finished");
        self.settler.bus.emit(|| Signal::Finished {
            message_id: id.to_owned(),
            error: reply.is_error(),
            text: reply.text().to_owned(),
            took,
        });
        let mut failures = 0;
        while let Err(error) = self.settler.journal.finish(id, reply, outcome).await {
            self.shared.vitals.held_up(&error);
            error!(%error, "The journal could not note the result; the reply waits for it");
            tokio::select! {
                () = tokio::time::sleep(pause(failures)) => failures += 1,
                () = self.abort.cancelled() => {
                    // Held back, the message would certainly be handled a second time; answered, only if its ACK gets lost.
                    error!("The journal could not note the result before the runner stopped; the reply is sent without it");
                    return;
                }
            }
        }
    }

    /// Off the lane, so that the incident's next message need not wait for the broker.
    fn settle(&self, id: String, address: ReplyAddress, reply: Reply) {
        let settler = self.settler.clone();
        self.tasks.spawn(async move { settler.settle(&id, &address, &reply).await }.in_current_span());
    }
}
