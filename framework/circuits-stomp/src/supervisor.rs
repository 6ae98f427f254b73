//! The task of a session: connects, runs the connection, waits, tries the next host, and so on forever.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::backoff::Ended;
use crate::connection::{self, Setup};
use crate::connector::Dial;
use crate::delivery::Delivery;
use crate::error::Error;
use crate::event::State;
use crate::options::{Host, Options};
use crate::shared::Shared;
use crate::turns::Turns;
use crate::virtual_host::{self, Takes};

/// A connection that lived this long was a good one: the next wait is a short one again.
const STEADY: Duration = Duration::from_secs(10);
/// How often the log repeats why there is no connection.
const AGAIN: Duration = Duration::from_secs(60);

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
        let mut turns = Turns::new(hosts.len(), Instant::now());
        let mut takes = vec![Takes::default(); hosts.len()];
        let (mut attempt, mut epoch, mut log) = (1_u32, 0_u64, Log::default());
        // Stays the same until the next connection, so that the hosts keep their order.
        let mut jitter = fastrand::f64();
        // Per host: refused for good. Only believed as long as no host ever accepted us.
        let mut refused = vec![false; hosts.len()];
        let mut receipt_each = false;
        // Once for each outage: why an attempt fails, the log of failures says.
        let mut announced = false;
        loop {
            let turn = turns.next(Instant::now());
            let host = &hosts[turn];
            if !std::mem::replace(&mut announced, true) {
                tracing::info!(%host, attempt, "STOMP attempting to connect");
            }
            self.shared.state.send_replace(State::Connecting { host: host.clone(), attempt });
            let tried = tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Over::Closed,
                tried = virtual_host::connect(&*self.dial, &self.options, host, &mut takes[turn]) => tried,
            };
            let (reason, ended) = match tried {
                Ok(established) => {
                    epoch += 1;
                    announced = false;
                    (log, jitter) = (Log::default(), fastrand::f64());
                    let since = Instant::now();
                    let setup = Setup { host, epoch, receipt_each };
                    let run =
                        connection::run(established, setup, &self.shared, &self.options, &self.deliveries);
                    let Some(end) = run.await.filter(|end| !end.orderly) else { return Over::Closed };
                    receipt_each = end.nameless;
                    let steady = since.elapsed() >= STEADY;
                    if steady {
                        attempt = 0;
                    }
                    (end.reason, if steady { Ended::AfterSuccess } else { Ended::Answered })
                }
                Err(error) => {
                    refused[turn] = error.is_permanent();
                    if epoch == 0 && refused.iter().all(|refused| *refused) {
                        return Over::Refused(error);
                    }
                    let ended = if error.is_unanswered() { Ended::Unanswered } else { Ended::Answered };
                    (error, ended)
                }
            };
            if self.shared.closing.is_cancelled() {
                return Over::Unconfirmed(reason);
            }
            attempt = attempt.saturating_add(1);
            let now = Instant::now();
            turns.ended(ended, now, jitter);
            let retry_in = turns.pause(now);
            log.failed(host, &reason, retry_in);
            self.shared.state.send_replace(State::Disconnected { reason: Arc::new(reason), retry_in });
            tokio::select! {
                biased;
                () = self.shared.closing.cancelled() => return Over::Closed,
                () = tokio::time::sleep(retry_in) => {}
            }
        }
    }
}

/// Keeps the log of an outage short, however often a port is asked.
#[derive(Default)]
struct Log(Vec<(String, Instant)>);

impl Log {
    fn failed(&mut self, host: &Host, error: &Error, retry_in: Duration) {
        if self.is_news(&error.to_string(), Instant::now()) {
            tracing::warn!(%host, %error, ?retry_in, "STOMP is not connected; it will be tried again.");
        } else {
            tracing::debug!(%host, %error, ?retry_in, "STOMP is still not connected.");
        }
    }

    /// A failure is news when it first occurs, and then once a minute while it lasts.
    fn is_news(&mut self, failure: &str, now: Instant) -> bool {
        self.0.retain(|(_, since)| now - *since < AGAIN);
        let news = self.0.iter().all(|(told, _)| told != failure);
        if news {
            self.0.push((failure.to_owned(), now));
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_without_a_broker_takes_a_line_a_minute() {
        let (mut log, start) = (Log::default(), Instant::now());
        let mut lines = (0..3600).filter(|second| {
            let now = start + Duration::from_secs(*second);
            log.is_news("the port is closed", now) | (*second == 90 && log.is_news("no such host", now))
        });
        assert_eq!(lines.by_ref().take(4).collect::<Vec<_>>(), [0, 60, 90, 120]);
        assert_eq!(lines.count(), 57);
    }
}
