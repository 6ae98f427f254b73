//! The end of a message's way: the reply reaches the broker, then the acknowledgement does, and whatever breaks in between
//! leaves the message to be redelivered.

use std::sync::Arc;
use std::time::Duration;

use circuits_stomp::{AckToken, Headers, Outgoing, Session};
use tokio::sync::mpsc;
use tracing::{debug, error, warn};

use crate::config::ReplyMode;
use crate::delivery::in_flight::InFlight;
use crate::journal::{Journal, Settlement};
use crate::signal::{Bus, Signal};
use crate::{Reply, Result};

/// Where the answer to a message goes.
#[derive(Clone, Debug)]
pub(crate) struct ReplyAddress {
    reply_to: Option<String>,
    correlation_id: Option<String>,
    /// Who is told instead of the broker.
    listener: Option<mpsc::UnboundedSender<Reply>>,
}

impl ReplyAddress {
    pub(crate) fn of(headers: &Headers) -> Self {
        let header = |name| headers.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        Self { reply_to: header("reply-to"), correlation_id: header("correlation-id"), listener: None }
    }

    /// No place at the broker: whoever handed the message in.
    pub(crate) fn listener(listener: mpsc::UnboundedSender<Reply>) -> Self {
        Self { reply_to: None, correlation_id: None, listener: Some(listener) }
    }

    /// The frame that carries `reply` there; `None` for a message that nobody waits on.
    pub(crate) fn frame(&self, reply: &Reply) -> Option<Outgoing> {
        let headers =
            self.correlation_id.iter().map(|id| ("correlation-id".to_owned(), id.clone())).collect();
        Some(Outgoing { destination: self.reply_to.clone()?, headers, body: reply.to_json() })
    }

    /// Says in the log what the message lacks for its answer to arrive.
    pub(crate) fn warn_of_gaps(&self) {
        if self.listener.is_some() {
            return;
        }
        if self.reply_to.is_none() {
            warn!(
                "The message has no reply-to header, so its answer can be sent nowhere; it is handled and acknowledged"
            );
        } else if self.correlation_id.is_none() {
            warn!(
                "The message has no correlation-id header, so the platform cannot match the reply to an action"
            );
        }
    }
}

/// Settles messages; shared by all of a runner's tasks.
#[derive(Clone)]
pub(crate) struct Settler {
    pub(crate) session: Session,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) mode: ReplyMode,
    pub(crate) bus: Bus,
}

/// How one try ended.
enum Tried {
    Settled,
    /// The connection went away: the message will come again, and its reply with it.
    Gone,
    /// The broker did not take the reply, for a reason that may pass.
    Refused,
}

/// How often a reply is offered to a broker that refuses it, before the message is acknowledged without one.
const REFUSALS: u32 = 8;

/// The wait after so many refusals: a broker or a disk that is full needs time.
pub(crate) fn pause(refusals: u32) -> Duration {
    Duration::from_secs(1 << refusals.min(5)).min(Duration::from_secs(30))
}

impl Settler {
    /// Sends the reply of a finished message and acknowledges it. On a lost connection the message is let go, so that its
    /// redelivery finds the reply in the journal; if the redelivery is here already, the work goes on with its token.
    pub(crate) async fn settle(&self, id: &str, address: &ReplyAddress, reply: &Reply) {
        if let Some(listener) = &address.listener {
            // Nobody who listens any more is as good as told.
            let _ = listener.send(reply.clone());
            self.in_flight.release(id);
            self.bus.emit(|| Signal::Settled { message_id: id.to_owned() });
            return;
        }
        let mut replied = false;
        let mut refusals = 0;
        while let Some(token) = self.in_flight.token(id) {
            match self.try_once(id, address, reply, &token, &mut replied).await {
                Tried::Settled => {
                    self.in_flight.release(id);
                    self.bus.emit(|| Signal::Settled { message_id: id.to_owned() });
                    return;
                }
                Tried::Gone if self.in_flight.release_dead(id, &token) => {
                    debug!(
                        message_id = id,
                        "The connection went away before the message was settled; its redelivery will be"
                    );
                    return;
                }
                Tried::Gone => {}
                Tried::Refused if refusals < REFUSALS => {
                    tokio::time::sleep(pause(refusals)).await;
                    refusals += 1;
                }
                Tried::Refused => {
                    error!(
                        "The broker keeps refusing the reply, so the message is acknowledged without it; the analyst will not see it"
                    );
                    self.give_up(id, &mut replied).await;
                }
            }
        }
    }

    /// Tells of progress; it may get lost.
    pub(crate) fn tell(&self, address: &ReplyAddress, status: Reply) {
        if let Some(frame) = address.frame(&status) {
            self.session.post(frame);
        } else if let Some(listener) = &address.listener {
            let _ = listener.send(status);
        }
    }

    /// Acknowledges a message whose reply the broker has.
    pub(crate) async fn acknowledge(&self, id: &str, token: &AckToken) {
        if self.session.ack(token) {
            self.in_flight.release(id);
            self.bus.emit(|| Signal::Settled { message_id: id.to_owned() });
        } else {
            self.in_flight.release_dead(id, token);
        }
    }

    /// Answers and acknowledges a message that cannot be identified, so that it does not come back for ever.
    pub(crate) async fn refuse_unidentified(&self, token: &AckToken, address: &ReplyAddress, reply: &Reply) {
        if let Some(frame) = address.frame(reply)
            && let Err(error) = self.session.send(frame).await
        {
            warn!(%error, "The error reply to a message without message-id could not be sent");
            if error.is_lost() {
                return;
            }
        }
        self.session.ack(token);
    }

    /// Counts the reply as sent, so that the message is only acknowledged from now on, also after a redelivery.
    async fn give_up(&self, id: &str, replied: &mut bool) {
        *replied = true;
        note(id, self.journal.settled(id, Settlement::Refused).await);
    }

    async fn try_once(
        &self,
        id: &str,
        address: &ReplyAddress,
        reply: &Reply,
        token: &AckToken,
        replied: &mut bool,
    ) -> Tried {
        if !*replied && let Some(frame) = address.frame(reply) {
            let sent = match self.mode {
                ReplyMode::Confirmed => self.session.send(frame).await,
                ReplyMode::Transaction => self.session.send_and_ack(frame, token).await,
            };
            match sent {
                Ok(()) => {
                    *replied = true;
                    note(id, self.journal.settled(id, Settlement::Replied).await);
                    if matches!(self.mode, ReplyMode::Transaction) {
                        return Tried::Settled;
                    }
                }
                Err(error) if error.is_unauthorised() => {
                    error!(message_id = id, %error, "The broker refuses the reply; grant the account write access to the reply queue. \
                        The message is acknowledged without it, or it would come back for ever");
                    self.give_up(id, replied).await;
                }
                Err(error) if error.is_refused() => {
                    warn!(message_id = id, %error, "The broker refuses the reply; it will be offered again");
                    return Tried::Refused;
                }
                Err(_) => return Tried::Gone,
            }
        } else if !*replied {
            note(id, self.journal.settled(id, Settlement::NoAddress).await);
        }
        if self.session.ack(token) { Tried::Settled } else { Tried::Gone }
    }
}

/// A journal that fails now costs at most a second, identical reply after a redelivery; the message itself is safe.
fn note(id: &str, noted: Result<()>) {
    if let Err(error) = noted {
        warn!(message_id = id, %error, "The journal could not note the reply");
    }
}
