//! Action messages sent through the broker itself, as the platform sends them, and the replies to them: for testing tools.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use circuits_stomp::{Deliveries, Outgoing, Session, State, Subscription};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{Config, Credentials};
use crate::message::{ActionMessage, CONTEXT_TOKEN, DestinationName};
use crate::runtime::connect;
use crate::{Replies, Reply, RunError};

/// How many replies the broker may send ahead.
const PREFETCH: u32 = 1000;

type Waiting = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Reply>>>>;

/// A connection that sends action messages and reads the replies to them from a queue of its own.
///
/// The account needs write access to the queues of actions and read access to `acks.<org>.action-test.*`, which the platform
/// gives to nobody but itself: this is for brokers that you run yourself.
#[derive(Debug)]
pub struct Broker {
    session: Session,
    org: i64,
    reply_to: String,
    waiting: Waiting,
    _reader: AbortOnDropHandle<()>,
}

impl Broker {
    /// Logs in to the platform (for the number of the organisation), then to the broker: as `login` if there is one, otherwise
    /// with the account of the settings. Tries only once.
    ///
    /// # Errors
    /// As for [`Runner::run`](crate::Runner::run); also when the broker cannot be reached.
    pub async fn connect(config: &Config, login: Option<(String, SecretString)>) -> Result<Self, RunError> {
        let org = connect::login(config, |_| {}).await?.org_id();
        let mut settings = config.settings().clone();
        if let Some((email, password)) = login {
            settings.credentials = Credentials::User { email, password };
        }
        let options = connect::stomp_options(&settings).map_err(RunError::stomp)?;
        let (session, deliveries) = Session::start(options);
        let reply_to = format!("acks.{org}.action-test.{:016x}", fastrand::u64(..));
        let subscription = Subscription { destination: reply_to.clone(), prefetch: PREFETCH };
        let mut state = session.state();
        let broken = state.wait_for(|state| matches!(state, State::Disconnected { .. }));
        tokio::select! {
            subscribed = session.subscribe(subscription) => subscribed.map_err(RunError::stomp)?,
            Ok(state) = broken => if let State::Disconnected { reason, .. } = &*state {
                return Err(RunError::stomp_shared(Arc::clone(reason)));
            },
        }
        let waiting = Waiting::default();
        let reader = tokio::spawn(read(session.clone(), deliveries, Arc::clone(&waiting)));
        Ok(Self { session, org, reply_to, waiting, _reader: AbortOnDropHandle::new(reader) })
    }

    /// Sends a message (JSON) to the message destination with this programmatic name. Of these headers of a recorded message,
    /// it sends those that come from the platform and not from the broker.
    ///
    /// # Errors
    /// When the broker does not take it.
    pub async fn submit(
        &self,
        destination: &str,
        headers: Vec<(String, String)>,
        body: impl Into<Bytes>,
    ) -> Result<Replies, RunError> {
        let correlation = format!("action-test:{:016x}", fastrand::u64(..));
        // Tokens are not recorded, and an old one would not be valid.
        let recorded =
            headers.into_iter().filter(|(name, _)| name.starts_with("Co3") && name != CONTEXT_TOKEN);
        let mut headers = vec![
            ("reply-to".to_owned(), format!("/queue/{}", self.reply_to)),
            ("correlation-id".to_owned(), correlation.clone()),
            ("timestamp".to_owned(), crate::delivery::submit::now().to_string()),
        ];
        headers.extend(recorded);
        let body = body.into();
        if !headers.iter().any(|(name, _)| name == "Co3MessagePayload") {
            headers.push(("Co3MessagePayload".to_owned(), ActionMessage::payload(&body).to_owned()));
        }
        let destination = DestinationName::actions(self.org, destination).to_string();
        let (listener, replies) = mpsc::unbounded_channel();
        self.lock().insert(correlation.clone(), listener);
        let sent = self.session.send(Outgoing { destination, headers, body }).await;
        if let Err(error) = sent {
            self.lock().remove(&correlation);
            return Err(RunError::stomp(error));
        }
        Ok(Replies::new(replies))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::UnboundedSender<Reply>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands replies to the callers that wait for them.
async fn read(session: Session, mut deliveries: Deliveries, waiting: Waiting) {
    while let Some(delivery) = deliveries.recv().await {
        session.ack(&delivery.token);
        let Some(correlation) = delivery.headers.get("correlation-id") else { continue };
        let reply = serde_json::from_slice(&delivery.body).unwrap_or_else(|_| {
            // The platform takes plain text as well.
            Reply::completed(String::from_utf8_lossy(&delivery.body))
        });
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let last = reply.is_final();
        if let Some(listener) = waiting.get(correlation) {
            let _ = listener.send(reply);
        }
        if last {
            waiting.remove(correlation);
        }
    }
}
