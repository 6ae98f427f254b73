//! Runs stored messages again when somebody asks for it: each is a message of its own, and no broker waits for its answer.

use std::convert::Infallible;
use std::time::Duration;

use circuits_stomp::{AckToken, Delivery, State};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::delivery::in_flight::Held;
use crate::delivery::intake::Intake;
use crate::delivery::settle::ReplyAddress;
use crate::journal::Rerun;

/// How often the journal is asked for such messages.
const RERUNS: Duration = Duration::from_secs(2);

impl Intake {
    /// Runs stored messages again as somebody asks for them; goes on forever.
    pub(crate) async fn run_again(&self, stop: &CancellationToken) -> Infallible {
        loop {
            tokio::time::sleep(RERUNS).await;
            let state = self.admission.run.settler.session.state().borrow().clone();
            let off = matches!(state, State::Off);
            // Without a broker there is nowhere to send the reply, and the message would be found again each time.
            if !off && !matches!(state, State::Connected { .. }) {
                continue;
            }
            let mut after = 0;
            while let Some(rerun) = self.rerun(after).await {
                after = rerun.position;
                let token = AckToken::nothing();
                // It is found each time until it is settled.
                if self.admission.run.settler.in_flight.hold(&rerun.id, &token) != Held::New {
                    continue;
                }
                let delivery = Delivery {
                    token,
                    subscription: rerun.destination,
                    headers: rerun.headers.into(),
                    body: rerun.body,
                    redelivered: false,
                    flaw: None,
                };
                let (id, delivery) = ([rerun.id], [delivery]);
                if let Some(standing) = self.begin(&id, &delivery, stop).await {
                    info!(message_id = id[0], "A stored message is run again, as asked");
                    let ([id], [delivery]) = (id, delivery);
                    for standing in standing {
                        let address =
                            if off { ReplyAddress::nowhere() } else { ReplyAddress::of(&delivery.headers) };
                        self.admission.admit(id.clone(), delivery.clone(), address, standing);
                    }
                }
            }
        }
    }

    async fn rerun(&self, after: i64) -> Option<Rerun> {
        let found = self.admission.run.settler.journal.rerun(after).await;
        found.unwrap_or_else(|error| {
            warn!(%error, "The journal could not be asked for messages to run again");
            None
        })
    }
}
