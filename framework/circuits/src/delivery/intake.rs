//! The first stage: takes messages off the session, recognises redeliveries, and has the journal note each arrival.

use circuits_stomp::{Deliveries, Delivery};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::admission::Admission;
use super::identity::identity;
use super::in_flight::Held;
use super::run::Run;
use super::settle::ReplyAddress;
use crate::Reply;
use crate::backoff::pause;
use crate::journal::{Arrival, Standing};

/// How many deliveries are taken together, so that a journal can note their arrival in one go.
const BATCH: usize = 64;

/// Takes messages in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(super) admission: Admission,
}

impl Intake {
    /// An intake whose messages are handled by `run`, in tasks that `tasks` tracks.
    pub(crate) fn new(run: Run, tasks: TaskTracker) -> Self {
        Self { admission: Admission { run, tasks } }
    }

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
            self.admission.admit(id, delivery, address, standing);
        }
    }

    /// Where these messages stand. While the journal cannot note them, they stay un-acknowledged and no new ones are taken; if
    /// they were released, the broker would not send them again until the next connection. `None` once the runner stops.
    pub(super) async fn begin(
        &self,
        ids: &[String],
        fresh: &[Delivery],
        stop: &CancellationToken,
    ) -> Option<Vec<Standing>> {
        let settler = &self.admission.run.settler;
        let arrivals: Vec<_> =
            ids.iter().zip(fresh).map(|(id, delivery)| Arrival::of(id, delivery)).collect();
        let mut failures = 0;
        loop {
            match settler.journal.begin(&arrivals).await {
                Ok(standings) => {
                    settler.vitals.arrived();
                    return Some(standings);
                }
                Err(error) => {
                    failures += 1;
                    settler.vitals.held_up(&error);
                    error!(%error, messages = ids.len(), "The journal could not note these messages; they wait, and stay with the broker");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(pause(failures)) => {}
            }
        }
    }

    /// Holds a message that is new here; one that already waits or runs only renews its token.
    fn hold(&self, delivery: Delivery) -> Option<(String, Delivery)> {
        let settler = &self.admission.run.settler;
        let Some(id) = identity(&delivery) else {
            self.refuse_unidentified(delivery);
            return None;
        };
        match settler.in_flight.hold(&id, &delivery.token) {
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
                settler.session.ack(&delivery.token);
                None
            }
        }
    }

    fn refuse_unidentified(&self, delivery: Delivery) {
        let settler = self.admission.run.settler.clone();
        error!(
            destination = delivery.subscription,
            "A message without message-id is refused: its redelivery could not be recognised"
        );
        self.admission.tasks.spawn(async move {
            let reply = Reply::error("The message has no message-id header, so it was not handled");
            settler.refuse_unidentified(&delivery.token, &ReplyAddress::of(&delivery.headers), &reply).await;
        });
    }
}
