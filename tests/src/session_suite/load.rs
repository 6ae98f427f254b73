//! Many messages at once: nothing confirmed is lost when the broker is killed, and nothing stalls.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use circuits_stomp::{Deliveries, Delivery, Session};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{QUEUE, REPLIES, close, connected, correlation, patient, reply, subscribed, tally};
use crate::broker::Broker;
use crate::raw::{Client, Frame};

const ROUNDS: u64 = 4;
const MESSAGES: usize = 3_000;
const BODY: usize = 4 * 1024;

/// Every reply that `send` confirmed is in the reply queue, no matter when the broker was killed. On ActiveMQ, replies that
/// are ready together share a receipt, so this proves that the receipt for the last one covers the others. A message that is
/// redelivered after its reply was confirmed is not answered again: if the broker loses a confirmed reply, it stays lost.
pub async fn confirmed_replies_survive_kill_9(broker: &mut Broker) {
    let (session, deliveries) = subscribed(broker, 100).await;
    fill(broker).await;
    // Reading the queue of the replies also declares it.
    assert!(tally(broker, REPLIES).await.is_empty());
    broker.settle();
    let answers = Answers::start(session.clone(), deliveries);
    for round in 1..=ROUNDS {
        // Kill the broker at a random place among the remaining messages.
        let left = MESSAGES - answers.confirmed.borrow().len();
        let mark = answers.confirmed.borrow().len() + fastrand::usize(1..left / 2);
        answers.at_least(mark).await;
        broker.kill();
        let then = answers.confirmed.borrow().len();
        println!("round {round}: killed after {then} confirmed replies, {} lost so far", answers.lost());
        broker.restart();
        connected(&session, round + 1).await;
    }
    answers.at_least(MESSAGES).await;
    answers.settled().await;
    close(&session).await;
    let confirmed = answers.confirmed.borrow().clone();
    let replies = tally(broker, REPLIES).await;
    let missing: Vec<_> = confirmed.iter().filter(|id| !replies.contains_key(*id)).collect();
    let doubled: usize = replies.values().map(|count| count - 1).sum();
    println!(
        "{:?}: {ROUNDS} kills, {} messages confirmed as answered, {} without a confirmation and sent again, {} different \
         replies in the queue, {doubled} second copies, {} missing",
        broker.kind,
        confirmed.len(),
        answers.lost(),
        replies.len(),
        missing.len()
    );
    assert!(missing.is_empty(), "confirmed but not there: {missing:?}");
    assert!(doubled <= answers.lost(), "more second copies than sends without a confirmation");
    assert!(tally(broker, QUEUE).await.is_empty(), "an acknowledged message is still there");
}

/// A window so large that both ends have more to write than fits into the buffers between them.
pub async fn a_large_prefetch_does_not_stall(broker: &mut Broker) {
    fill(broker).await;
    let (session, deliveries) = subscribed(broker, 2_000).await;
    let answers = Answers::start(session.clone(), deliveries);
    answers.at_least(MESSAGES).await;
    answers.settled().await;
    close(&session).await;
    let replies = tally(broker, REPLIES).await;
    assert_eq!(replies.len(), MESSAGES);
    assert!(replies.values().all(|count| *count == 1), "a reply was doubled");
}

/// Puts [`MESSAGES`] in the queue, each with a different correlation id.
async fn fill(broker: &Broker) {
    let mut client = Client::connect(broker).await;
    let message = |id: usize| {
        let frame = Frame::new("SEND").header("destination", QUEUE).header("persistent", "true");
        frame.header("correlation-id", id.to_string()).body(vec![b'm'; BODY])
    };
    for id in 1..MESSAGES {
        client.writer.send(&message(id)).await.unwrap();
    }
    client.confirm(message(MESSAGES)).await.unwrap();
}

/// Answers all messages at the same time, each with a confirmed reply before its ACK, and none twice.
struct Answers {
    /// Correlation ids of the replies that the broker confirmed.
    confirmed: watch::Sender<BTreeSet<String>>,
    /// Sends without a confirmation.
    lost: Mutex<usize>,
    /// Messages being answered now.
    running: watch::Sender<usize>,
}

impl Answers {
    fn start(session: Session, mut deliveries: Deliveries) -> Arc<Self> {
        let answers = Arc::new(Self {
            confirmed: watch::Sender::new(BTreeSet::new()),
            lost: Mutex::default(),
            running: watch::Sender::new(0),
        });
        let shared = Arc::clone(&answers);
        tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            while let Some(delivery) = deliveries.recv().await {
                shared.running.send_modify(|running| *running += 1);
                let (session, shared) = (session.clone(), Arc::clone(&shared));
                tasks.spawn(async move {
                    shared.answer(&session, delivery).await;
                    shared.running.send_modify(|running| *running -= 1);
                });
            }
        });
        answers
    }

    async fn answer(&self, session: &Session, delivery: Delivery) {
        let id = correlation(&delivery);
        let known = self.confirmed.borrow().contains(&id);
        if !known {
            if let Err(error) = session.send(reply(&id, vec![b'r'; BODY])).await {
                assert!(error.is_lost(), "{error:?}");
                *self.lost.lock().unwrap() += 1;
                return;
            }
            self.confirmed.send_modify(|confirmed| {
                confirmed.insert(id);
            });
        }
        session.ack(&delivery.token);
    }

    async fn at_least(&self, count: usize) {
        patient(self.confirmed.subscribe().wait_for(|confirmed| confirmed.len() >= count)).await.unwrap();
    }

    /// Waits until no message is being answered any more.
    async fn settled(&self) {
        patient(self.running.subscribe().wait_for(|running| *running == 0)).await.unwrap();
    }

    fn lost(&self) -> usize {
        *self.lost.lock().unwrap()
    }
}
