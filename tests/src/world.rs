//! A platform, a broker and the connection between them: the same tests run on the sandbox's broker and on real ones, where
//! a carrier takes the platform's messages to the broker and the replies back.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use circuits::config::Config;
use circuits::journal::{Journal, MemoryJournal};
use circuits::{Registration, RunError, Runner, Signal};
use circuits_sandbox::{Composed, Invocation, InvocationId, Rule, Sandbox, ServerCertificate};
use circuits_stomp::{Deliveries, Host, Options, Outgoing, Session, State, Subscription, Tls};
use serde_json::{Value, json};
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::broker::{Broker, Kind, PASSWORD, USER};
use crate::certs::Flaw;
use crate::probe::{DESTINATION, PROBE, Probe, RULES};

/// Which broker a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The sandbox's own.
    Sandbox,
    /// A real one.
    Real(Kind),
}

/// A platform with a broker.
pub struct World {
    /// The platform.
    pub sandbox: Arc<Sandbox>,
    /// The broker, if it is a real one.
    pub broker: Option<Broker>,
    carrier: Option<Session>,
}

impl World {
    /// Starts everything but the runner.
    pub async fn start(on: On) -> Self {
        Self::with_certificate(on, Flaw::None).await
    }

    /// The same with a flaw in the certificate of the broker (and with the sandbox, of the REST API).
    pub async fn with_certificate(on: On, flaw: Flaw) -> Self {
        // The runner's log appears beside the failure of a test.
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
            .with_test_writer();
        let _ = log.try_init();
        let mut builder = Sandbox::builder().destination(DESTINATION);
        for rule in RULES {
            builder = builder.rule(Rule::menu_item(rule).on_incident().to(DESTINATION));
        }
        let broker = match on {
            On::Sandbox => {
                builder = builder.certificate(match flaw {
                    Flaw::None => ServerCertificate::Valid,
                    Flaw::WrongHost => ServerCertificate::WrongHost,
                    Flaw::Expired => ServerCertificate::Expired,
                });
                None
            }
            On::Real(kind) => {
                let broker =
                    tokio::task::spawn_blocking(move || Broker::with_certificate(kind, flaw)).await.unwrap();
                builder = builder.external_broker(broker.tls_port, broker.ca_file()).api_key(USER, PASSWORD);
                Some(broker)
            }
        };
        let sandbox = Arc::new(builder.start().await.unwrap());
        let carrier = match &broker {
            Some(broker) if flaw == Flaw::None => Some(carry(Arc::clone(&sandbox), broker).await),
            _ => None,
        };
        Self { sandbox, broker, carrier }
    }

    /// The text of an app.config that reaches it; these lines in `[resilient]` replace its own lines with the same keys.
    pub fn app_config(&self, resilient: &str) -> String {
        let host = self
            .broker
            .as_ref()
            .and_then(Broker::virtual_host)
            .map_or(String::new(), |host| format!("stomp_vhost={host}\n"));
        let key = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
        let replaced: HashSet<_> = resilient.lines().map(key).collect();
        let base = format!("{}{host}", self.sandbox.app_config());
        let kept: String = base
            .lines()
            .filter(|line| !replaced.contains(&key(line)))
            .flat_map(|line| [line, "\n"])
            .collect();
        format!("{kept}{resilient}\n")
    }

    /// A configuration for a runner whose handlers `probe` watches, with these lines in `[resilient]` and, if they continue
    /// with `[probe]`, in the component's section.
    pub fn config(&self, probe: &Probe, resilient: &str) -> Config {
        let (resilient, section) = resilient.split_once("[probe]\n").unwrap_or((resilient, ""));
        let text = format!("{}{}{section}", self.app_config(resilient), probe.section());
        Config::from_text(&text).unwrap()
    }

    /// Starts a runner in this process and waits until it is subscribed.
    pub async fn run(&self, probe: &Probe, resilient: &str) -> Running {
        let mut running = self.launch(probe, resilient).await.unwrap();
        running.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
        running
    }

    /// Starts a runner in this process.
    pub async fn launch(&self, probe: &Probe, resilient: &str) -> Result<Running, RunError> {
        launch(self.config(probe, resilient)).await
    }

    /// A new incident.
    pub fn incident(&self) -> i64 {
        self.sandbox.create_incident(json!({"name": "Phishing mail", "discovered_date": 0})).unwrap()
    }

    /// Fires a rule on an incident.
    pub async fn fire(&self, rule: &str, incident: i64) -> InvocationId {
        match &self.carrier {
            None => self.sandbox.fire(rule, incident, json!({})).unwrap(),
            Some(_) => {
                let message = self.compose(rule, incident);
                let id = message.invocation;
                self.send(message).await;
                id
            }
        }
    }

    /// The message that firing a rule would send; its invocation is pending from now on.
    pub fn compose(&self, rule: &str, incident: i64) -> Composed {
        self.sandbox.compose(rule, incident, json!({})).unwrap()
    }

    /// Puts a message on the broker, whatever its content.
    pub async fn send(&self, message: Composed) {
        match &self.carrier {
            Some(carrier) => {
                let Composed { destination, headers, body, .. } = message;
                carrier.send(Outgoing { destination, headers, body }).await.unwrap();
            }
            None => drop(self.sandbox.publish(message.into()).unwrap()),
        }
    }

    /// An invocation once it has its final status.
    pub async fn settled(&self, id: InvocationId) -> Invocation {
        self.sandbox.settled(id).await
    }

    /// Kills the broker and starts it again on its data.
    pub async fn restart_broker(&mut self) {
        let Some(mut broker) = self.broker.take() else {
            return self.sandbox.restart_broker().await.unwrap();
        };
        let killed = tokio::task::spawn_blocking(move || {
            broker.settle();
            broker.kill();
            broker
        });
        let mut broker = killed.await.unwrap();
        self.carried(false).await;
        let restarted = tokio::task::spawn_blocking(move || {
            broker.restart();
            broker
        });
        self.broker = Some(restarted.await.unwrap());
        self.carried(true).await;
    }

    /// Waits until the carrier has, or has lost, its connection.
    async fn carried(&self, connected: bool) {
        let Some(carrier) = &self.carrier else { return };
        let mut state = carrier.state();
        state.wait_for(|state| matches!(state, State::Connected { .. }) == connected).await.unwrap();
    }

    /// Waits until a running runner has acknowledged everything; false if it does not. On real brokers nobody can know that while
    /// it is up.
    pub async fn is_acknowledged(&self, patience: Duration) -> bool {
        let queue = self.sandbox.queue(DESTINATION);
        self.broker.is_some() || tokio::time::timeout(patience, self.sandbox.idle(&queue)).await.is_ok()
    }

    /// Whether the component's queue has a message left; must be called while no runner is up.
    pub async fn has_left_over(&self) -> bool {
        let queue = self.sandbox.queue(DESTINATION);
        let (Some(broker), Some(carrier)) = (&self.broker, &self.carrier) else {
            let stats = self.sandbox.queue_stats(&queue);
            return stats.ready + stats.unacked > 0;
        };
        // Messages that are still there come before the one that is sent now.
        let mark = Bytes::from_static(b"the end");
        carrier
            .send(Outgoing { destination: queue.clone(), headers: vec![], body: mark.clone() })
            .await
            .unwrap();
        let (session, mut deliveries) = connect(broker);
        session.subscribe(Subscription { destination: queue, prefetch: 1 }).await.unwrap();
        let first = deliveries.recv().await.unwrap();
        session.ack(&first.token);
        session.close(Duration::from_secs(60)).await.unwrap();
        first.body != mark
    }

    /// A session of somebody else with the broker, which must be a real one.
    pub fn somebody(&self) -> (Session, Deliveries) {
        connect(self.broker.as_ref().unwrap())
    }

    /// Makes the broker fall silent without closing a connection, or wakes it.
    pub fn stall(&self, stall: bool) {
        match &self.broker {
            None => self.sandbox.faults().stall(stall),
            Some(broker) if stall => broker.pause(),
            Some(broker) => broker.resume(),
        }
    }
}

/// Starts a runner of the probe component in this process.
pub async fn launch(config: Config) -> Result<Running, RunError> {
    launch_on(config, Arc::new(MemoryJournal::default())).await
}

/// The same with this journal.
pub async fn launch_on(config: Config, journal: Arc<dyn Journal>) -> Result<Running, RunError> {
    Ok(Running::of(Runner::with_components(config, &[&PROBE], |_| {}).await?.journal(journal)))
}

/// Starts a runner of these components in this process, and waits until it is subscribed.
///
/// # Panics
/// When it does not start.
pub async fn run(config: Config, linked: &[&'static Registration]) -> Running {
    let mut running = Running::of(Runner::with_components(config, linked, |_| {}).await.unwrap());
    running.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    running
}

/// A message with another body.
pub fn with_body(message: Composed, change: impl FnOnce(&mut Value)) -> Composed {
    let mut body: Value = serde_json::from_slice(&message.body).unwrap();
    change(&mut body);
    Composed { body: Bytes::from(body.to_string()), ..message }
}

/// A message without a header.
pub fn without_header(mut message: Composed, name: &str) -> Composed {
    message.headers.retain(|(header, _)| header != name);
    message
}

fn connect(broker: &Broker) -> (Session, Deliveries) {
    let options = Options::new(vec![Host { name: "localhost".to_owned(), port: broker.tls_port }])
        .unwrap()
        .credentials(USER, PASSWORD.to_owned().into())
        .virtual_host(broker.virtual_host().unwrap_or("localhost"))
        .tls(Tls::cafile(broker.ca_file()));
    Session::start(options)
}

/// A session that carries the platform's messages to a real broker, and the replies back.
async fn carry(sandbox: Arc<Sandbox>, broker: &Broker) -> Session {
    let (session, mut deliveries) = connect(broker);
    let destination = format!("acks.{}.{DESTINATION}", sandbox.org().0);
    session.subscribe(Subscription { destination, prefetch: 100 }).await.unwrap();
    let carrier = session.clone();
    tokio::spawn(async move {
        let (mut ids, mut replies) = (HashSet::new(), HashSet::new());
        while let Some(delivery) = deliveries.recv().await {
            // A redelivered message was already handed in; a second reply is a different message and counts. After a crash,
            // ActiveMQ keeps a message's id but not its mark as redelivered; RabbitMQ keeps the mark but not the id.
            let header = |name| delivery.headers.get(name).map(str::to_owned);
            let (id, reply) = (header("message-id"), (header("correlation-id"), delivery.body.clone()));
            let known = delivery.redelivered && replies.contains(&reply);
            if ids.insert(id) && !known {
                let headers = delivery
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                sandbox.reply(headers, delivery.body);
                replies.insert(reply);
            }
            carrier.ack(&delivery.token);
        }
    });
    session
}

/// A runner in this process.
#[derive(Debug)]
pub struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), RunError>>,
    signals: broadcast::Receiver<Signal>,
}

impl Running {
    /// Starts this runner.
    pub fn of(runner: Runner) -> Self {
        let signals = runner.signals();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(runner.run(async move {
            let _ = stopped.await;
        }));
        Self { stop, task, signals }
    }

    /// Waits for a signal that `wanted` accepts.
    pub async fn until(&mut self, wanted: impl Fn(&Signal) -> bool) -> Signal {
        loop {
            match self.signals.recv().await {
                Ok(signal) if wanted(&signal) => return signal,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => panic!("the runner ended"),
            }
        }
    }

    /// Asks it to stop, as SIGTERM does, and waits for its end.
    pub async fn stop(self) -> Result<(), RunError> {
        let _ = self.stop.send(());
        self.task.await.unwrap()
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Result<(), RunError> {
        let Self { stop: _stop, task, .. } = self;
        task.await.unwrap()
    }
}
