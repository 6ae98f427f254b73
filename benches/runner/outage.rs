//! Measures how soon the runner's session is subscribed again after a broker's port opens: kills and restarts a broker again and
//! again.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use circuits_stomp::{Host, Options, Session, State, Subscription, Tls};
use circuits_tests::broker::{Broker, PASSWORD, USER};
use clap::Args;

use crate::place::Name;

/// An outage lasts this long beyond what the broker needs to stop and start.
const LONGEST: Duration = Duration::from_secs(12);

#[derive(Args)]
pub(crate) struct Arguments {
    /// The broker.
    #[arg(long, value_enum, default_value_t = Name::ActiveMq)]
    on: Name,
    /// How often it is restarted.
    #[arg(long, default_value_t = 20)]
    restarts: u32,
    /// No restart begins after this time.
    #[arg(long, default_value_t = 15)]
    minutes: u64,
}

pub(crate) async fn run(arguments: &Arguments) {
    let Some(kind) = arguments.on.kind() else {
        println!("The sandbox's broker is part of this process and cannot be killed: choose a real one.");
        return;
    };
    let mut broker = blocking(move || Broker::start(kind)).await;
    let (session, _deliveries) = Session::start(options(&broker));
    let destination = "test.outage".to_owned();
    session.subscribe(Subscription { destination, prefetch: 10 }).await.unwrap();
    println!(
        "{}. Seconds from the first TCP connection that its port takes to the receipt for SUBSCRIBE.",
        arguments.on
    );
    println!("| Restart | Down for | Subscribed again after |\n|---|---|---|");
    let until = Instant::now() + Duration::from_secs(60 * arguments.minutes);
    let mut took = Vec::new();
    for restart in 1..=arguments.restarts {
        if Instant::now() > until {
            println!("The time is up.");
            break;
        }
        // Pauses go from short to long, to show whether the delay grows with the outage.
        let pause = LONGEST * (restart - 1) / arguments.restarts;
        let (down, again);
        (broker, down, again) = outage(broker, pause, &session).await;
        println!("| {restart} | {:.1} s | {:.2} s |", down.as_secs_f64(), again.as_secs_f64());
        took.push(again);
    }
    took.sort_unstable();
    if let [least, .., most] = took[..] {
        let median = took[took.len() / 2];
        println!("{} restarts: median {median:.2?}, least {least:.2?}, most {most:.2?}", took.len());
    }
}

/// Kills the broker and starts it again after a pause. Returns how long it was down, and how long after that the session was
/// back.
async fn outage(broker: Broker, pause: Duration, session: &Session) -> (Broker, Duration, Duration) {
    let mut state = session.state();
    let back = session.state();
    let port = broker.tls_port;
    let since = Instant::now();
    let broker = blocking(move || {
        let mut broker = broker;
        broker.settle();
        broker.kill();
        broker
    });
    let broker = broker.await;
    state.wait_for(|state| !matches!(state, State::Connected { .. })).await.unwrap();
    tokio::time::sleep(pause).await;
    let open = tokio::task::spawn_blocking(move || opens(port));
    let back = tokio::spawn(async move {
        let mut back = back;
        back.wait_for(|state| matches!(state, State::Connected { subscriptions: 1, .. })).await.unwrap();
        Instant::now()
    });
    let broker = blocking(move || {
        let mut broker = broker;
        broker.restart();
        broker
    });
    let (broker, open, back) = (broker.await, open.await.unwrap(), back.await.unwrap());
    (broker, open - since, back.saturating_duration_since(open))
}

/// The time when the port accepts a connection.
fn opens(port: u16) -> Instant {
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    Instant::now()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn options(broker: &Broker) -> Options {
    let host = Host { name: "localhost".to_owned(), port: broker.tls_port };
    let options = Options::new(vec![host]).unwrap();
    options.credentials(USER, PASSWORD.into()).tls(Tls::cafile(broker.ca_file()))
}
