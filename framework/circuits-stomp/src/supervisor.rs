//! The task of a session: connects, works the connection, waits, tries the next host, for ever.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::backoff;
use crate::connection::{self, Setup};
use crate::connector::{self, Dial};
use crate::delivery::Delivery;
use crate::error::Error;
use crate::event::State;
use crate::options::Options;
use crate::shared::Shared;

/// A connection that lived this long was a good one: the next wait is a short one again.
const STEADY: Duration = Duration::from_secs(10);

pub(crate) struct Supervisor {
    pub(crate) options: Options,
    pub(crate) dial: Box<dyn Dial>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) deliveries: mpsc::UnboundedSender<Delivery>,
}

/// Why the session is over.
enum Over {
    Closed,
    /// We asked for the end and the broker did not confirm it.
    Unconfirmed(Error),
    /// Every host refused us for good before there was any connection.
    Refused(Error),
}

impl Supervisor {
    pub(crate) async fn run(self) {
        let over = tokio::select! {
            biased;
            () = self.shared.abort.cancelled() => Over::Closed,
            over = self.keep_connected() => over,
        };
        match over {
            Over::Closed => self.shared.end(None, None),
            Over::Unconfirmed(error) => self.shared.end(None, Some(error)),
            Over::Refused(error) => {
                tracing::error!(%error, "The broker refuses us for good; the session ends.");
                self.shared.end(Some(error), None);
            }
        }
    }

    async fn keep_connected(&self) -> Over {
        let hosts = &self.options.hosts;
        let (mut tries, mut failures, mut epoch) = (0_usize, 0_u32, 0_u64);
        // Per host: refused for good. Only believed as long as no host ever accepted us.
        let mut refused = vec![false; hosts.len()];
        let mut receipt_each = false;
        loop {
            let turn = tries % hosts.len();
            let host = &hosts[turn];
            let state = State::Connecting { host: host.clone(), attempt: failures.saturating_add(1) };
            self.shared.state.send_replace(state);
            let attempt = tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Over::Closed,
                attempt = connector::connect(&*self.dial, &self.options, host) => attempt,
            };
            let reason = match attempt {
                Ok(established) => {
                    epoch += 1;
                    let since = Instant::now();
                    let setup = Setup { host, epoch, receipt_each };
                    let run =
                        connection::run(established, setup, &self.shared, &self.options, &self.deliveries);
                    let Some(end) = run.await.filter(|end| !end.orderly) else { return Over::Closed };
                    if since.elapsed() >= STEADY {
                        failures = 0;
                    }
                    receipt_each = end.nameless;
                    end.reason
                }
                Err(error) => {
                    refused[turn] = error.is_permanent();
                    if epoch == 0 && refused.iter().all(|refused| *refused) {
                        return Over::Refused(error);
                    }
                    error
                }
            };
            if self.shared.closing.is_cancelled() {
                return Over::Unconfirmed(reason);
            }
            failures = failures.saturating_add(1);
            tries += 1;
            // All hosts are tried before the wait grows.
            let rounds = failures.div_ceil(hosts.len() as u32);
            let retry_in = backoff::delay(rounds, fastrand::f64());
            tracing::warn!(%host, error = %reason, ?retry_in, "Not connected to the broker.");
            self.shared.state.send_replace(State::Disconnected { reason: Arc::new(reason), retry_in });
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Over::Closed,
                () = tokio::time::sleep(retry_in) => {}
            }
        }
    }
}
