//! The STOMP session on a real broker, each test written once for every kind. The raw client, which shares no code with the
//! session, checks on the other side what was sent.

mod delivery;
mod failures;
mod load;
mod refusals;
mod shapes;

use std::collections::BTreeMap;
use std::time::Duration;

use circuits_stomp::{Deliveries, Delivery, Host, Options, Outgoing, Session, State, Subscription, Tls};

pub use delivery::{a_reply_and_its_ack_round_trip, a_transaction_is_all_or_nothing};
pub use failures::{a_silent_broker_is_left_and_found_again, a_stale_token_is_never_accepted};
pub use load::{a_large_prefetch_does_not_stall, confirmed_replies_survive_kill_9};
pub use refusals::{a_forbidden_queue_leaves_the_rest_alone, flawed_certificates_end_it, strangers_end_it};
pub use shapes::{large_frames_pass, odd_headers_arrive};

use crate::broker::{Broker, PASSWORD, USER};
use crate::raw::{Client, Frame};

/// Makes a test of each function of the suite for one kind of broker.
#[macro_export]
macro_rules! session_suite {
    ($kind:expr) => {
        $crate::session_suite! { @each $kind;
            a_reply_and_its_ack_round_trip a_transaction_is_all_or_nothing
            a_stale_token_is_never_accepted a_silent_broker_is_left_and_found_again
            a_forbidden_queue_leaves_the_rest_alone strangers_end_it
            odd_headers_arrive large_frames_pass
            confirmed_replies_survive_kill_9 a_large_prefetch_does_not_stall
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn flawed_certificates_end_it() {
            $crate::session_suite::flawed_certificates_end_it($kind).await;
        }
    };
    (@each $kind:expr; $($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut broker = $crate::broker::Broker::start($kind);
            $crate::session_suite::$name(&mut broker).await;
        }
    )*};
}

/// Longer than anything here takes on a busy machine: an event that has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(180);

/// The queue for the tests' messages.
const QUEUE: &str = "test.in";
/// The queue for the replies.
const REPLIES: &str = "test.out";

/// Valid options to reach `broker`.
fn options(broker: &Broker) -> Options {
    let host = Host { name: "localhost".to_owned(), port: broker.tls_port };
    let options = Options::new(vec![host]).unwrap();
    let options = options.credentials(USER, PASSWORD.into()).tls(Tls::cafile(broker.ca_file()));
    match broker.virtual_host() {
        Some(host) => options.virtual_host(host),
        None => options,
    }
}

/// A session that is subscribed to [`QUEUE`].
async fn subscribed(broker: &Broker, prefetch: u32) -> (Session, Deliveries) {
    let (session, deliveries) = Session::start(options(broker));
    let subscription = Subscription { destination: QUEUE.to_owned(), prefetch };
    patient(session.subscribe(subscription)).await.unwrap();
    (session, deliveries)
}

/// A reply with this correlation id.
fn reply(id: &str, body: impl Into<bytes::Bytes>) -> Outgoing {
    let headers = vec![("correlation-id".to_owned(), id.to_owned())];
    Outgoing { destination: REPLIES.to_owned(), headers, body: body.into() }
}

/// The correlation id of a message that a test sent.
fn correlation(delivery: &Delivery) -> String {
    delivery.headers.get("correlation-id").unwrap().to_owned()
}

/// Closes a session properly: everything it sent has reached the broker.
async fn close(session: &Session) {
    session.close(PATIENCE).await.unwrap();
}

/// Waits, but not forever.
async fn patient<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happens any more")
}

/// Waits for a state of the connection.
async fn until(session: &Session, wanted: impl FnMut(&State) -> bool) -> State {
    patient(session.state().wait_for(wanted)).await.unwrap().clone()
}

/// Waits for a connection with this number or a later one.
async fn connected(session: &Session, at_least: u64) {
    until(session, |state| matches!(state, State::Connected { epoch, .. } if *epoch >= at_least)).await;
}

/// Takes everything out of a queue, and counts how often each correlation id is there. Acknowledges without waiting.
async fn tally(broker: &Broker, queue: &str) -> BTreeMap<String, usize> {
    let mut client = Client::connect(broker).await;
    client.send(queue, &[("end-of-queue", b"yes")], "").await;
    client.subscribe(queue, 100).await.unwrap();
    let mut found = BTreeMap::new();
    loop {
        let message = client.message().await;
        let ack = Frame::new("ACK").header("id", message.get("ack").unwrap());
        if message.get("end-of-queue").is_some() {
            client.confirm(ack).await.unwrap();
            return found;
        }
        client.writer.send(&ack).await.unwrap();
        *found.entry(message.get("correlation-id").unwrap()).or_default() += 1;
    }
}
