//! The broker: subscriptions, acknowledgements, prefetch, redelivery and transactions, seen on the wire.

use crate::support::{Stomp, Wire, soon, unescape};
use circuits_sandbox::{Publication, QueueStats, Sandbox};

const QUEUE: &str = "actions.201.work";

async fn start() -> Sandbox {
    Sandbox::builder().destination("work").start().await.unwrap()
}

fn publish(sandbox: &Sandbox, count: usize) {
    for n in 1..=count {
        sandbox.publish(Publication::to(QUEUE).body(format!("m{n}"))).unwrap();
    }
}

fn bodies(frames: &[Wire]) -> Vec<String> {
    frames.iter().inspect(|frame| assert_eq!(frame.command, "MESSAGE", "{frame:?}")).map(Wire::text).collect()
}

async fn frames(stomp: &mut Stomp, count: usize) -> Vec<Wire> {
    let mut frames = Vec::new();
    for _ in 0..count {
        frames.push(stomp.frame().await);
    }
    frames
}

async fn ack(stomp: &mut Stomp, message: &Wire) {
    stomp.send(format!("ACK\nid:{}\nreceipt:ack\n\n\0", message.get("ack"))).await;
    assert_eq!(stomp.until_receipt("ack").await, []);
}

fn stats(ready: usize, unacked: usize, consumers: usize, dlq: usize) -> QueueStats {
    QueueStats { ready, unacked, consumers, dlq }
}

#[tokio::test]
async fn prefetch_is_obeyed_exactly_and_individual_acks_may_come_in_any_order() {
    let sandbox = start().await;
    publish(&sandbox, 5);
    let mut stomp = Stomp::connect(&sandbox).await;
    let mut got = stomp.subscribe(QUEUE, "ack:client-individual\nactivemq.prefetchSize:2\n").await;
    got.extend(stomp.sync().await);
    assert_eq!(bodies(&got), ["m1", "m2"]);
    assert_eq!(sandbox.queue_stats(QUEUE), stats(3, 2, 1, 0));
    stomp.send(format!("ACK\nid:{}\n\n\0", got[1].get("ack"))).await;
    let third = stomp.sync().await;
    assert_eq!(bodies(&third), ["m3"]);
    assert_eq!(sandbox.queue_stats(QUEUE), stats(2, 2, 1, 0));
    stomp.send(format!("ACK\nid:{}\n\n\0ACK\nid:{}\n\n\0", got[0].get("ack"), third[0].get("ack"))).await;
    let rest = stomp.sync().await;
    assert_eq!(bodies(&rest), ["m4", "m5"]);
    for message in &rest {
        ack(&mut stomp, message).await;
    }
    soon("idle", sandbox.idle(QUEUE)).await;
}

#[tokio::test]
async fn rabbitmqs_prefetch_header_counts_too() {
    let sandbox = start().await;
    publish(&sandbox, 3);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe("/queue/actions.201.work", "ack:client-individual\nprefetch-count:1\n").await;
    assert_eq!(bodies(&got), ["m1"]);
}

#[tokio::test]
async fn mode_client_acknowledges_all_up_to_the_one_named() {
    let sandbox = start().await;
    publish(&sandbox, 4);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client\n").await;
    ack(&mut stomp, &got[2]).await;
    assert_eq!(sandbox.queue_stats(QUEUE), stats(0, 1, 1, 0));
}

#[tokio::test]
async fn mode_auto_loses_what_was_on_its_way() {
    let sandbox = start().await;
    publish(&sandbox, 3);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "").await;
    assert_eq!(bodies(&got), ["m1", "m2", "m3"]);
    assert_eq!(got[0].find("ack"), None);
    drop(stomp);
    soon("the consumer to go", sandbox.subscribed(QUEUE, 0)).await;
    assert_eq!(sandbox.queue_stats(QUEUE), stats(0, 0, 0, 0));
}

#[tokio::test]
async fn consumers_compete_in_turn() {
    let sandbox = start().await;
    let (mut one, mut two) = (Stomp::connect(&sandbox).await, Stomp::connect(&sandbox).await);
    one.subscribe(QUEUE, "ack:client-individual\n").await;
    two.subscribe(QUEUE, "ack:client-individual\n").await;
    soon("both", sandbox.subscribed(QUEUE, 2)).await;
    publish(&sandbox, 4);
    assert_eq!(bodies(&frames(&mut one, 2).await), ["m1", "m3"]);
    assert_eq!(bodies(&frames(&mut two, 2).await), ["m2", "m4"]);
}

#[tokio::test]
async fn a_lost_connection_returns_its_messages_in_order_marked_and_counted() {
    let sandbox = start().await;
    publish(&sandbox, 4);
    let mut first = Stomp::connect(&sandbox).await;
    let got = first.subscribe(QUEUE, "ack:client-individual\nactivemq.prefetchSize:3\n").await;
    first.send(format!("ACK\nid:{}\n\n\0", got[1].get("ack"))).await;
    assert_eq!(bodies(&first.sync().await), ["m4"]);
    let mut events = sandbox.events();
    drop(first);
    soon("the consumer to go", sandbox.subscribed(QUEUE, 0)).await;
    assert_eq!(sandbox.queue_stats(QUEUE), stats(3, 0, 0, 0));
    let mut second = Stomp::connect(&sandbox).await;
    let again = second.subscribe(QUEUE, "ack:client-individual\n").await;
    assert_eq!(bodies(&again), ["m1", "m3", "m4"]);
    assert!(again.iter().all(|message| message.find("redelivered") == Some("true")), "{again:?}");
    assert_eq!(again[0].get("message-id"), got[0].get("message-id"), "the message keeps its id");
    assert_ne!(again[0].get("ack"), got[0].get("ack"), "an ack id dies with its connection");
    let mut counts = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let circuits_sandbox::Event::Delivered { deliveries, redelivered, .. } = event {
            counts.push((deliveries, redelivered));
        }
    }
    assert_eq!(counts, [(2, true); 3]);

    second.send(format!("ACK\nid:{}\nreceipt:old\n\n\0", got[0].get("ack"))).await;
    let error = second.frame().await;
    assert_eq!(error.command, "ERROR");
    assert_eq!(unescape(error.get("message")), "Unexpected ACK received for message-id [null]");
    assert_eq!(error.get("receipt-id"), "old");
    ack(&mut second, &again[0]).await;
    second.send(format!("ACK\nid:{}\n\n\0", again[0].get("ack"))).await;
    assert_eq!(second.frame().await.command, "ERROR", "a second ACK of the same delivery");
    assert_eq!(second.sync().await, [], "and the connection stays usable");
}

#[tokio::test]
async fn a_refused_message_goes_to_the_dead_letters_unless_it_is_transient() {
    let sandbox = start().await;
    publish(&sandbox, 1);
    sandbox.publish(Publication::to(QUEUE).body("gone").transient()).unwrap();
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client-individual\n").await;
    for message in &got {
        stomp.send(format!("NACK\nid:{}\n\n\0", message.get("ack"))).await;
    }
    assert_eq!(stomp.sync().await, []);
    assert_eq!(sandbox.queue_stats(QUEUE), stats(0, 0, 1, 1));
    let mut admin = Stomp::admin(&sandbox).await;
    let dead = admin.subscribe("ActiveMQ.DLQ", "").await;
    assert_eq!(bodies(&dead), ["m1"]);
    assert_eq!(dead[0].get("original-destination"), "/queue/actions.201.work");
    assert_eq!(dead[0].get("message-id"), got[0].get("message-id"));
}

#[tokio::test]
async fn unsubscribing_gives_messages_away_and_a_late_ack_has_no_effect() {
    let sandbox = start().await;
    publish(&sandbox, 2);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client-individual\nactivemq.prefetchSize:1\n").await;
    stomp.send(format!("UNSUBSCRIBE\nid:{QUEUE}\nreceipt:u\n\n\0")).await;
    assert_eq!(stomp.until_receipt("u").await, []);
    assert_eq!(sandbox.queue_stats(QUEUE), stats(2, 0, 0, 0));
    ack(&mut stomp, &got[0]).await;
    assert_eq!(sandbox.queue_stats(QUEUE), stats(2, 0, 0, 0));
    let mut other = Stomp::connect(&sandbox).await;
    let again = other.subscribe(QUEUE, "ack:client-individual\n").await;
    assert_eq!(bodies(&again), ["m1", "m2"]);
    assert_eq!((again[0].find("redelivered"), again[1].find("redelivered")), (Some("true"), None));
    stomp.send("UNSUBSCRIBE\nid:nothing\n\n\0").await;
    assert_eq!(stomp.frame().await.get("message"), "No subscription matched.");
}

#[tokio::test]
async fn a_transaction_is_atomic() {
    let sandbox = start().await;
    publish(&sandbox, 2);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client-individual\nactivemq.prefetchSize:1\n").await;
    let send =
        "SEND\ndestination:/queue/acks.201.work\ncorrelation-id:c\ntransaction:t\nreceipt:s\n\nreply\0";
    let ack = format!("ACK\nid:{}\ntransaction:t\n\n\0", got[0].get("ack"));
    stomp.send(format!("BEGIN\ntransaction:t\n\n\0{send}{ack}")).await;
    assert_eq!(stomp.until_receipt("s").await, [], "the receipt of the SEND comes at once");
    assert_eq!(bodies(&frames(&mut stomp, 1).await), ["m2"], "the next message comes before COMMIT");
    assert_eq!(sandbox.replies("c"), []);
    assert_eq!(sandbox.queue_stats(QUEUE).unacked, 2);
    stomp.send("COMMIT\ntransaction:t\nreceipt:c\n\n\0").await;
    assert_eq!(stomp.until_receipt("c").await, []);
    assert_eq!(sandbox.replies("c").len(), 1);
    assert_eq!(sandbox.queue_stats(QUEUE).unacked, 1);
}

#[tokio::test]
async fn an_aborted_or_lost_transaction_leaves_nothing() {
    let sandbox = start().await;
    publish(&sandbox, 1);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client-individual\n").await;
    let send = "SEND\ndestination:acks.201.work\ncorrelation-id:c\ntransaction:t\n\nreply\0";
    let ack = format!("ACK\nid:{}\ntransaction:t\n\n\0", got[0].get("ack"));
    stomp.send(format!("BEGIN\ntransaction:t\n\n\0{send}{ack}ABORT\ntransaction:t\nreceipt:a\n\n\0")).await;
    assert_eq!(stomp.until_receipt("a").await, []);
    assert_eq!(sandbox.queue_stats(QUEUE), stats(0, 1, 1, 0), "it stays with its subscription");
    stomp.send(format!("BEGIN\ntransaction:t\n\n\0{send}{ack}")).await;
    assert_eq!(stomp.sync().await, [], "and may be acknowledged again");
    drop(stomp);
    soon("the consumer to go", sandbox.subscribed(QUEUE, 0)).await;
    assert_eq!(sandbox.replies("c"), []);
    assert_eq!(sandbox.queue_stats(QUEUE), stats(1, 0, 0, 0));
}

#[tokio::test]
async fn transaction_mistakes_are_errors_that_leave_the_connection_open() {
    let sandbox = start().await;
    publish(&sandbox, 1);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client-individual\n").await;
    stomp.send("BEGIN\ntransaction:t\n\n\0").await;
    for (frame, text) in [
        ("BEGIN\ntransaction:t\n\n\0".to_owned(), "The transaction was already started: t"),
        ("COMMIT\ntransaction:x\n\n\0".to_owned(), "Invalid transaction id: x"),
        (format!("NACK\nid:{}\ntransaction:t\n\n\0", got[0].get("ack")), "Poison ack cannot be transacted"),
        (
            "SEND\ndestination:secret\ntransaction:t\n\n\0".to_owned(),
            "User KEY is not authorized to write to: queue://secret",
        ),
        ("COMMIT\ntransaction:t\n\n\0".to_owned(), "COMMIT FAILED: Transaction marked rollback only"),
    ] {
        stomp.send(frame).await;
        let error = stomp.frame().await;
        let wanted = text.replace("KEY", &sandbox.credentials().api_key_id);
        assert_eq!((error.command.as_str(), unescape(error.get("message"))), ("ERROR", wanted));
    }
    assert_eq!(stomp.sync().await, []);
}

#[tokio::test]
async fn every_frame_is_receipted_and_disconnect_closes() {
    let sandbox = start().await;
    publish(&sandbox, 2);
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client-individual\n").await;
    for frame in [
        format!("ACK\nid:{}\nreceipt:r\n\n\0", got[0].get("ack")),
        format!("NACK\nid:{}\nreceipt:r\n\n\0", got[1].get("ack")),
        "SEND\ndestination:acks.201.work\nreceipt:r\n\nx\0".to_owned(),
        "BEGIN\ntransaction:t\nreceipt:r\n\n\0".to_owned(),
        "ABORT\ntransaction:t\nreceipt:r\n\n\0".to_owned(),
        "BEGIN\ntransaction:u\nreceipt:r\n\n\0".to_owned(),
        "COMMIT\ntransaction:u\nreceipt:r\n\n\0".to_owned(),
        format!("UNSUBSCRIBE\nid:{QUEUE}\nreceipt:r\n\n\0"),
        "DISCONNECT\nreceipt:r\n\n\0".to_owned(),
    ] {
        stomp.send(&frame).await;
        let receipt = stomp.frame().await;
        assert_eq!((receipt.command.as_str(), receipt.get("receipt-id")), ("RECEIPT", "r"), "{frame}");
    }
    assert_eq!(stomp.closed().await, []);
}

#[tokio::test]
async fn any_queue_may_be_used_by_the_administrator_and_headers_travel_as_they_are() {
    let sandbox = start().await;
    let mut stomp = Stomp::admin(&sandbox).await;
    let before = "SEND\ndestination:/queue/new\nempty:\nodd:a\\cb\\\\c\\nd\nrepeat:1\nrepeat:2\ncontent-length:3\n\nx\0y\0";
    stomp.send(before).await;
    let got = stomp.subscribe("new", "").await;
    assert_eq!(got[0].body, b"x\0y");
    assert_eq!((got[0].get("empty"), got[0].get("odd")), ("", "a\\cb\\\\c\\nd"));
    assert_eq!(got[0].find("receipt"), None);
    assert_eq!(got[0].get("content-length"), "3");
}

#[tokio::test]
async fn broken_messages_can_be_published() {
    let sandbox = start().await;
    let broken = Publication::to(QUEUE)
        .header("bad", b"\xff\xfe")
        .header("empty", "")
        .body("{")
        .without("message-id")
        .without("timestamp");
    sandbox.publish(broken).unwrap();
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.send(format!("SUBSCRIBE\nid:1\ndestination:{QUEUE}\n\n\0")).await;
    while !stomp.buffer.ends_with(b"{\0\n") {
        assert_ne!(soon("bytes", stomp.read()).await, 0);
    }
    let wire = &stomp.buffer;
    assert!(
        wire.windows(8).any(|bytes| bytes == b"bad:\xff\xfe\n\n" || bytes == b"bad:\xff\xfe\ne"),
        "{wire:?}"
    );
    assert!(wire.windows(7).any(|bytes| bytes == b"empty:\n"));
    assert!(!wire.windows(11).any(|bytes| bytes == b"message-id:"));
}

#[tokio::test]
async fn a_restart_keeps_persistent_messages_only_and_cuts_everybody_off() {
    let sandbox = start().await;
    publish(&sandbox, 2);
    sandbox.publish(Publication::to(QUEUE).body("lost").transient()).unwrap();
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.subscribe(QUEUE, "ack:client-individual\nactivemq.prefetchSize:1\n").await;
    soon("the restart", sandbox.restart_broker()).await.unwrap();
    assert_eq!(stomp.closed().await, []);
    assert_eq!(sandbox.queue_stats(QUEUE), stats(2, 0, 0, 0));
    let mut stomp = Stomp::connect(&sandbox).await;
    let got = stomp.subscribe(QUEUE, "ack:client-individual\n").await;
    assert_eq!(bodies(&got), ["m1", "m2"]);
    assert_eq!((got[0].find("redelivered"), got[1].find("redelivered")), (Some("true"), None));
}
