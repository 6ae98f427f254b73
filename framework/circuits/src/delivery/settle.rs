//! The end of a message's way: the reply reaches the broker, then the acknowledgement does; if anything breaks in between,
//! the message is redelivered.

use std::sync::Arc;

use circuits_stomp::{AckToken, Headers, Outgoing, Session};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::backoff::pause;
use crate::config::ReplyMode;
use crate::delivery::about::About;
use crate::delivery::in_flight::InFlight;
use crate::journal::{Journal, Outcome, Settlement};
use crate::runtime::vitals::Vitals;
use crate::signal::{ActionAnswered, Bus, EventKind};
use crate::{Reply, Result};

/// Where the answer to a message goes.
#[derive(Clone, Debug)]
pub(crate) struct ReplyAddress {
    reply_to: Option<String>,
    correlation_id: Option<String>,
    /// Receives the answer instead of the broker.
    listener: Option<mpsc::UnboundedSender<Reply>>,
}

impl ReplyAddress {
    pub(crate) fn of(headers: &Headers) -> Self {
        let header = |name| headers.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
        Self { reply_to: header("reply-to"), correlation_id: header("correlation-id"), listener: None }
    }

    /// No address at all: for a runner without a broker.
    pub(crate) fn nowhere() -> Self {
        Self { reply_to: None, correlation_id: None, listener: None }
    }

    /// The address of a message that somebody handed in: its answer goes to `listener` and not to the broker.
    pub(crate) fn listener(listener: mpsc::UnboundedSender<Reply>) -> Self {
        Self { reply_to: None, correlation_id: None, listener: Some(listener) }
    }

    /// The frame that carries `reply` there; `None` for a message without `reply-to`.
    pub(crate) fn frame(&self, reply: &Reply) -> Option<Outgoing> {
        let headers =
            self.correlation_id.iter().map(|id| ("correlation-id".to_owned(), id.clone())).collect();
        Some(Outgoing { destination: self.reply_to.clone()?, headers, body: reply.to_json() })
    }

    /// Logs what the message lacks for its answer to arrive.
    pub(crate) fn warn_of_gaps(&self) {
        if self.listener.is_some() {
            return;
        }
        if self.reply_to.is_none() {
            warn!(
                "The message has no reply-to header, so there is nowhere to send its answer; it is handled and acknowledged"
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
    /// How often a refused reply is offered again before the message is acknowledged without it; `None` means without end.
    pub(crate) retries: Option<u32>,
    pub(crate) bus: Bus,
    pub(crate) vitals: Arc<Vitals>,
    /// The end of the grace time at shutdown.
    pub(crate) abort: CancellationToken,
}

/// How one try ended.
enum Tried {
    Settled,
    /// The connection went away: the message will come again, and its reply with it.
    Gone,
    /// The broker did not take the reply, for a reason that may pass.
    Refused,
}

/// Whether a reply is offered again after this many earlier refusals.
fn is_offered_again(retries: Option<u32>, refusals: u32) -> bool {
    retries.is_none_or(|retries| refusals < retries)
}

impl Settler {
    /// Notes the result, which may go to the broker only after that. Until the journal takes it, the message is held: if it is
    /// redelivered meanwhile, it does not run again.
    pub(crate) async fn finish(&self, about: &About, reply: &Reply, outcome: Outcome) {
        let took_ms = about.took().as_millis() as u64;
        info!(error = reply.is_error(), took_ms, text = reply.text(), "Finished");
        about.answered_by(outcome);
        self.bus.emit(about.ending(reply), || about.finished(reply));
        let mut failures = 0;
        while let Err(error) = self.journal.finish(&about.id, reply, outcome).await {
            failures += 1;
            self.vitals.held_up(&error);
            error!(%error, "The journal could not note the result; the reply waits for it");
            tokio::select! {
                () = tokio::time::sleep(pause(failures)) => {}
                () = self.abort.cancelled() => {
                    // If held back, the message would certainly be handled a second time; if answered, only if its ACK gets lost.
                    error!("The journal could not note the result before the runner stopped; the reply is sent without it");
                    break;
                }
            }
        }
        self.vitals.finished(reply);
    }

    /// Sends the reply of a finished message and acknowledges it. On a lost connection the message is released, so that its
    /// redelivery finds the reply in the journal; if the redelivery is already here, the work goes on with its token.
    pub(crate) async fn settle(&self, about: &About, address: &ReplyAddress, reply: &Reply) {
        let id = &about.id;
        if let Some(listener) = &address.listener {
            // If nobody listens any more, nobody needs the reply.
            let _ = listener.send(reply.clone());
            self.in_flight.release(id);
            self.answered(about, Some(reply));
            return;
        }
        let mut replied = false;
        let mut refusals = 0;
        while let Some(token) = self.in_flight.token(id) {
            match self.try_once(id, address, reply, &token, &mut replied).await {
                Tried::Settled => {
                    self.in_flight.release(id);
                    self.answered(about, Some(reply));
                    return;
                }
                Tried::Gone if self.in_flight.release_dead(id, &token) => {
                    debug!(
                        message_id = id,
                        "The connection was lost before the message was settled; its redelivery will be settled"
                    );
                    return;
                }
                Tried::Gone => {}
                Tried::Refused if is_offered_again(self.retries, refusals) => {
                    refusals = refusals.saturating_add(1);
                    tokio::time::sleep(pause(refusals)).await;
                }
                Tried::Refused => {
                    error!(
                        message_id = id,
                        refusals,
                        "The broker keeps refusing the reply (stomp_max_retries), so the message is acknowledged without it; the analyst will not see it"
                    );
                    self.give_up(id, &mut replied).await;
                }
            }
        }
    }

    /// Reports progress; the report may get lost.
    pub(crate) fn tell(&self, address: &ReplyAddress, status: Reply) {
        if let Some(frame) = address.frame(&status) {
            self.session.post(frame);
        } else if let Some(listener) = &address.listener {
            let _ = listener.send(status);
        }
    }

    /// Acknowledges a message whose reply the broker has, with the token of its latest delivery.
    pub(crate) async fn acknowledge(&self, about: &About) {
        let id = &about.id;
        while let Some(token) = self.in_flight.token(id) {
            if self.session.ack(&token) {
                self.in_flight.release(id);
                self.answered(about, None);
                return;
            }
            if self.in_flight.release_dead(id, &token) {
                return;
            }
        }
    }

    fn answered(&self, about: &About, reply: Option<&Reply>) {
        self.bus.emit(EventKind::ActionAnswered, || ActionAnswered {
            about: about.facts(),
            result: reply.map(|reply| about.result(reply)),
        });
    }

    /// Answers and acknowledges a message that cannot be identified, so that it does not come back forever.
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

    /// Counts the reply as sent, so that from now on the message is only acknowledged, even after a redelivery.
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
                        The message is acknowledged without it, otherwise it would come back forever");
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use circuits_sandbox::{Publication, Sandbox};
    use circuits_stomp::Subscription;

    use super::*;
    use crate::config::Config;
    use crate::delivery::in_flight::Held;
    use crate::journal::MemoryJournal;
    use crate::runtime::connect::stomp_options;

    /// The acknowledgement of an answered message is on its way when the connection breaks, and the message comes again.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_answered_message_is_acknowledged_with_its_newest_token() {
        let sandbox = Sandbox::builder().destination("q").start().await.unwrap();
        let config = Config::from_text(&sandbox.app_config()).unwrap();
        let (session, mut deliveries) = Session::start(stomp_options(config.settings()).unwrap());
        let queue = sandbox.queue("q");
        let subscription = Subscription { destination: queue.clone(), prefetch: 10 };
        session.subscribe(subscription).await.unwrap();
        sandbox.publish(Publication::to(&queue).body("{}")).unwrap();
        let first = deliveries.recv().await.unwrap();
        sandbox.restart_broker().await.unwrap();
        let second = deliveries.recv().await.unwrap();

        let settler = Settler {
            session,
            journal: Arc::new(MemoryJournal::default()),
            in_flight: Arc::default(),
            mode: ReplyMode::Confirmed,
            retries: None,
            bus: Bus::new(),
            vitals: Arc::new(Vitals::new()),
            abort: CancellationToken::new(),
        };
        assert_eq!(settler.in_flight.hold("a", &first.token), Held::New);
        assert!(!settler.session.ack(&first.token), "the connection that it came over is lost");
        assert_eq!(settler.in_flight.hold("a", &second.token), Held::Redelivered);
        settler.acknowledge(&About::new("a".to_owned(), &second, 1)).await;
        sandbox.idle(&queue).await;
        assert_eq!(settler.in_flight.len(), 0);
    }

    #[test]
    fn a_refused_reply_is_offered_again_as_often_as_the_setting_says() {
        for (retries, refusals, again) in
            [(Some(1), 0, true), (Some(1), 1, false), (Some(8), 7, true), (None, u32::MAX, true)]
        {
            assert_eq!(is_offered_again(retries, refusals), again, "{retries:?} {refusals}");
        }
        let usual: Duration = (1..=8).map(pause).sum();
        assert_eq!(usual, Duration::from_secs(121), "two minutes, as app.config.example says of the default");
    }
}
