//! A session and a broker that loses connections, receipts and time at random, on the paused clock: whatever the seed, every
//! message is answered, and no message is acknowledged before its reply or with a token of another connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{sleep, timeout};

use super::scripted::{ACTIVEMQ, Peer, RABBITMQ, Stage, header, options, stage_with, subscription};
use crate::{Delivery, Outgoing, Session};

const MESSAGES: usize = 40;
const SEEDS: u64 = 60;

/// What the broker keeps across connections.
#[derive(Default)]
struct Store {
    ready: VecDeque<usize>,
    /// Replies by message.
    replies: BTreeMap<usize, usize>,
    acknowledged: BTreeSet<usize>,
    /// Receipts for replies that never left.
    connections: u64,
}

/// A transaction, or a frame outside of one.
#[derive(Default)]
struct Work {
    replies: Vec<usize>,
    acks: Vec<usize>,
}

struct Broker {
    store: Arc<Mutex<Store>>,
    random: Rng,
    server: &'static str,
}

impl Broker {
    /// Serves one connection, until one of the two ends it.
    async fn serve(&mut self, mut peer: Peer) {
        let connection = {
            let mut store = self.store.lock().unwrap();
            store.connections += 1;
            store.connections
        };
        // Now and then the connection ends before CONNECTED.
        if self.random.u8(..) < 40
            || timeout(Duration::from_secs(60), peer.accept(self.server, "10000,10000")).await.is_err()
        {
            return;
        }
        let mut held: BTreeSet<usize> = BTreeSet::new();
        let mut open: BTreeMap<String, Work> = BTreeMap::new();
        loop {
            match self.random.u8(..) {
                // The network breaks, at times in the middle of a frame.
                0..3 => break,
                3..5 => {
                    let _ = peer.tell("MESSAGE\nsubscription:q\nmess").await;
                    break;
                }
                // Nothing moves for longer than the heart-beat allows, or almost.
                5..8 => sleep(Duration::from_secs(self.random.u64(5..45))).await,
                8..60 => {
                    let next =
                        if held.len() < 5 { self.store.lock().unwrap().ready.pop_front() } else { None };
                    if let Some(id) = next {
                        held.insert(id);
                        let message = format!(
                            "MESSAGE\nsubscription:q\nmessage-id:{id}\nack:{connection}-{id}\ndestination:/queue/q\n\nhi\0\n"
                        );
                        if !peer.tell(&message).await {
                            break;
                        }
                    }
                }
                _ => {}
            }
            let Ok(frame) = timeout(Duration::from_secs(1), peer.next()).await else {
                if !peer.tell("\n").await {
                    break;
                }
                continue;
            };
            let Some(frame) = frame else { break };
            if !self.take(&frame, connection, &mut held, &mut open, &mut peer).await {
                break;
            }
        }
        self.store.lock().unwrap().ready.extend(held);
    }

    /// Does what a frame asks for; false when the connection ends with it.
    async fn take(
        &mut self,
        frame: &str,
        connection: u64,
        held: &mut BTreeSet<usize>,
        open: &mut BTreeMap<String, Work>,
        peer: &mut Peer,
    ) -> bool {
        let transaction = header(frame, "transaction").map(str::to_owned);
        let mut work = Work::default();
        match frame.lines().next().unwrap() {
            "BEGIN" => drop(open.insert(transaction.clone().unwrap(), Work::default())),
            "COMMIT" => work = open.remove(transaction.as_ref().unwrap()).unwrap(),
            "SEND" => work.replies.push(frame.split("\n\n").nth(1).unwrap().parse().unwrap()),
            "ACK" => {
                let (epoch, id) = header(frame, "id").unwrap().split_once('-').unwrap();
                assert_eq!(epoch, connection.to_string(), "an ACK of another connection");
                work.acks.push(id.parse().unwrap());
            }
            _ => {}
        }
        let is_part = matches!(frame.lines().next(), Some("SEND" | "ACK"));
        if let (true, Some(transaction)) = (is_part, &transaction) {
            let open = open.get_mut(transaction).unwrap();
            open.replies.extend(work.replies);
            open.acks.extend(work.acks);
        } else {
            let mut store = self.store.lock().unwrap();
            for reply in work.replies {
                *store.replies.entry(reply).or_default() += 1;
            }
            for id in work.acks {
                assert!(held.remove(&id), "{id} is acknowledged twice");
                assert!(store.replies.contains_key(&id), "{id} is acknowledged before its reply");
                store.acknowledged.insert(id);
            }
        }
        let Some(receipt) = header(frame, "receipt") else { return true };
        // It is done, but its receipt is lost.
        if self.random.u8(..) < 8 {
            return false;
        }
        sleep(Duration::from_millis(self.random.u64(..20))).await;
        peer.tell(&format!("RECEIPT\nreceipt-id:{receipt}\n\n\0\n")).await
    }
}

/// What a runner does with a delivery. `replied` is its journal.
async fn handle(
    session: Session,
    delivery: Delivery,
    replied: Arc<Mutex<BTreeSet<String>>>,
    transaction: bool,
) {
    let id = delivery.headers.get("message-id").unwrap().to_owned();
    // Some outlast the connection that brought their message, and the next one too.
    let most = if fastrand::u8(..) < 60 { 90_000 } else { 50 };
    sleep(Duration::from_millis(fastrand::u64(..most))).await;
    let reply =
        Outgoing { destination: "acks".to_owned(), headers: vec![], body: id.clone().into_bytes().into() };
    if transaction {
        let _ = session.send_and_ack(reply, &delivery.token).await;
        return;
    }
    let known = replied.lock().unwrap().contains(&id);
    if known || session.send(reply).await.is_ok() {
        replied.lock().unwrap().insert(id);
        session.ack(&delivery.token);
    }
}

async fn play(seed: u64, server: &'static str, transaction: bool) {
    fastrand::seed(seed);
    let store = Arc::new(Mutex::new(Store { ready: (0..MESSAGES).collect(), ..Store::default() }));
    let options = options("broker:1").heart_beat(Duration::from_secs(10), Duration::from_secs(10));
    let Stage { session, mut deliveries, mut dialled, .. } = stage_with(options, 64 * 1024);
    let mut broker = Broker { store: Arc::clone(&store), random: Rng::with_seed(seed), server };
    let serving = tokio::spawn(async move {
        while let Some((_, peer)) = dialled.recv().await {
            broker.serve(peer).await;
        }
    });
    let subscribing = session.clone();
    tokio::spawn(async move { subscribing.subscribe(subscription("q")).await });
    let replied = Arc::new(Mutex::new(BTreeSet::new()));
    let done = async {
        while store.lock().unwrap().acknowledged.len() < MESSAGES {
            // ACKs are not answered, so this looks for them now and then.
            if let Ok(delivery) = timeout(Duration::from_secs(1), deliveries.recv()).await {
                tokio::spawn(handle(session.clone(), delivery.unwrap(), Arc::clone(&replied), transaction));
            }
            assert!(!serving.is_finished(), "the broker has found a fault");
        }
    };
    timeout(Duration::from_secs(7 * 24 * 3600), done).await.expect("some are never acknowledged");
    let store = store.lock().unwrap();
    let repeated: usize = store.replies.values().map(|count| count - 1).sum();
    if transaction {
        assert_eq!(repeated, 0, "a transaction is all or nothing");
    }
    serving.abort();
}

/// The clock stands still while there is anything to do, so days pass in no time and the same seed plays the same way.
#[test]
fn whatever_the_network_does_messages_are_answered_and_then_acknowledged() {
    for seed in 0..SEEDS {
        for (server, transaction) in
            [(ACTIVEMQ, false), (RABBITMQ, false), (ACTIVEMQ, true), (RABBITMQ, true)]
        {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                runtime.unwrap().block_on(play(seed, server, transaction));
            }));
            assert!(played.is_ok(), "seed {seed}, {server}, transaction: {transaction}");
        }
    }
}
