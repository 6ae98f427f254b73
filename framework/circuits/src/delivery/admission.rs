//! The second stage: decides what becomes of a message, depending on where it stands: it is only acknowledged, answered with
//! the stored reply, refused, or given a place in its lane.

use std::sync::Arc;

use circuits_stomp::{Delivery, Flaw};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, field, info, info_span, warn};

use super::about::About;
use super::run::{Job, Run};
use super::settle::ReplyAddress;
use crate::journal::{Outcome, Standing};
use crate::message::{ActionMessage, DestinationName};
use crate::signal::{ActionReceived, EventKind};
use crate::{Error, Reply, Result};

/// Admits messages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admission {
    pub(super) run: Run,
    pub(super) tasks: TaskTracker,
}

impl Admission {
    pub(super) fn admit(&self, id: String, delivery: Delivery, address: ReplyAddress, standing: Standing) {
        let span = info_span!("action", message_id = id, incident = field::Empty, rule = field::Empty);
        let _in_span = span.enter();
        let settler = self.run.settler.clone();
        match standing {
            Standing::Replied => {
                info!("The message was redelivered after its reply was confirmed; it is only acknowledged");
                let about = About::new(id, &delivery, 0);
                self.spawn(async move { settler.acknowledge(&about).await });
            }
            Standing::Finished(reply) => {
                info!(
                    "The message was redelivered after it was handled; its reply is sent, the handler does not run again"
                );
                let about = About::new(id, &delivery, 0);
                self.spawn(async move { settler.settle(&about, &address, &reply).await });
            }
            Standing::Run { attempt } => {
                address.warn_of_gaps();
                let about = Arc::new(About::new(id, &delivery, attempt));
                if attempt == 1 {
                    settler.bus.emit(EventKind::ActionReceived, || ActionReceived { about: about.facts() });
                }
                if let Err((error, outcome)) = self.admit_to_lane(&about, delivery, &address, attempt) {
                    self.refuse(about, address, &error, outcome);
                }
            }
        }
    }

    /// Gives the message its place in the lane, unless it is one that no handler may see.
    fn admit_to_lane(
        &self,
        about: &Arc<About>,
        delivery: Delivery,
        address: &ReplyAddress,
        attempt: u32,
    ) -> Result<(), (Error, Outcome)> {
        let max_attempts = self.run.shared.live().config.settings().max_attempts;
        if attempt > max_attempts {
            let error = Error::new(format_args!(
                "Gave up after {max_attempts} attempts, each of which ended the process. The message is set aside"
            ));
            return Err((error, Outcome::SetAside));
        }
        if attempt > 1 {
            warn!(
                attempt,
                max_attempts, "The process ended earlier while this message was handled; it is tried again"
            );
        }
        let (queue, message) = read(&delivery).map_err(|error| (error, Outcome::Answered))?;
        about.read(&message);
        tracing::Span::current().record("incident", about.incident());
        let key = self.run.lanes.key(&queue, message.subject());
        // Here and not in the task, so that tickets are drawn in the order of arrival.
        let ticket = self.run.lanes.ticket(&key);
        let (about, address, headers) = (Arc::clone(about), address.clone(), delivery.headers);
        let job = Job { about, queue, address, message, headers };
        self.spawn(self.run.clone().run(job, key, ticket));
        Ok(())
    }

    /// Answers a message that no handler may see.
    fn refuse(&self, about: Arc<About>, address: ReplyAddress, error: &Error, outcome: Outcome) {
        error!(%error, "The message is refused");
        let (settler, reply) = (self.run.settler.clone(), Reply::error(error.to_string()));
        self.spawn(async move {
            settler.finish(&about, &reply, outcome).await;
            settler.settle(&about, &address, &reply).await;
        });
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task.in_current_span());
    }
}

/// The destination's queue and the message; an error if the message cannot be given to a handler.
fn read(delivery: &Delivery) -> Result<(String, ActionMessage)> {
    match &delivery.flaw {
        Some(flaw @ (Flaw::BodyTooBig { .. } | Flaw::HeaderTooBig { .. })) => return Err(Error::new(flaw)),
        Some(flaw) => warn!(%flaw, "The message has a flaw; it is handled all the same"),
        None => {}
    }
    let destination = delivery.headers.get("destination").unwrap_or(&delivery.subscription);
    let destination = DestinationName::parse(destination)
        .or_else(|| DestinationName::parse(&delivery.subscription))
        .ok_or_else(|| {
            Error::new(format_args!("Could not get queue name from destination: '{destination}'"))
        })?;
    Ok((destination.queue, ActionMessage::parse(&delivery.body)?))
}
