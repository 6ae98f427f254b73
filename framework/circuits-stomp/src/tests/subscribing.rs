//! Subscriptions: confirmed, refused at first, set up again, refused later.

use std::time::Duration;

use tokio::time::Instant;

use super::scripted::{ACTIVEMQ, RABBITMQ, header, options, stage, stage_with, subscription};
use crate::{Flaw, State};

const REFUSED: &str = "User app is not authorized to read from\\c queue\\c//q";
const RABBIT_REFUSED: &str = "ERROR\nmessage:access_refused\n\n\
     ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'app'\n\0\n";

#[tokio::test(start_paused = true)]
async fn messages_that_come_before_the_receipt_are_delivered() {
    let mut stage = stage();
    let mut peer = stage.connected(RABBITMQ).await;
    let session = stage.session.clone();
    let answer = tokio::spawn(async move { session.subscribe(subscription("q")).await });
    let frame = peer.frame().await;
    let early = stage.delivery(&mut peer, "1").await;
    assert!(stage.session.ack(&early.token) && !answer.is_finished());
    peer.confirm(&frame).await;
    answer.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn asked_for_before_there_is_a_connection() {
    let mut stage = stage();
    let session = stage.session.clone();
    let answer = tokio::spawn(async move { session.subscribe(subscription("q")).await });
    tokio::task::yield_now().await;
    let mut peer = stage.peer().await;
    peer.accept(ACTIVEMQ, "0,0").await;
    let frame = peer.frame().await;
    assert!(matches!(*stage.session.state().borrow(), State::Connecting { .. }), "not up before the receipt");
    peer.confirm(&frame).await;
    answer.await.unwrap().unwrap();
    let state = stage.until(|state| matches!(state, State::Connected { .. })).await;
    let State::Connected { epoch: 1, subscriptions: 1, server, .. } = state else { panic!("{state:?}") };
    assert_eq!(server, ACTIVEMQ);
}

#[tokio::test(start_paused = true)]
async fn refused_by_activemq_the_connection_goes_on() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let (answer, ()) = tokio::join!(stage.session.subscribe(subscription("q")), async {
        let frame = peer.frame().await;
        peer.refuse(&frame, REFUSED).await;
    });
    let error = answer.unwrap_err();
    assert!(
        error.is_unauthorised() && error.is_refused() && error.to_string().contains("queue://q"),
        "{error}"
    );
    let (answer, ()) = tokio::join!(stage.session.subscribe(subscription("other")), peer.subscribed("other"));
    answer.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refused_by_rabbitmq_it_is_forgotten_and_the_others_come_back() {
    let mut stage = stage();
    let mut peer = stage.connected(RABBITMQ).await;
    let (answer, ()) = tokio::join!(stage.session.subscribe(subscription("good")), peer.subscribed("good"));
    answer.unwrap();
    let (answer, ()) = tokio::join!(stage.session.subscribe(subscription("q")), async {
        let frame = peer.frame().await;
        // First ERROR, then nevertheless the RECEIPT, then the end.
        let receipt = header(&frame, "receipt").unwrap();
        peer.say(format!("{RABBIT_REFUSED}RECEIPT\nreceipt-id:{receipt}\n\n\0")).await;
    });
    let error = answer.unwrap_err();
    assert!(error.is_unauthorised() && error.to_string().contains("'q'"), "{error}");

    let mut peer = stage.peer().await;
    peer.accept(RABBITMQ, "0,0").await;
    peer.subscribed("good").await;
    let state = stage.until(|state| matches!(state, State::Connected { epoch: 2, .. })).await;
    assert!(matches!(state, State::Connected { subscriptions: 1, .. }), "{state:?}");
    let sent = stage.send("acks", "x");
    assert!(peer.frame().await.starts_with("SEND\n"), "no other SUBSCRIBE");
    drop(peer);
    sent.await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn all_are_set_up_again_before_the_session_calls_itself_connected() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    for destination in ["a", "b"] {
        let (answer, ()) =
            tokio::join!(stage.session.subscribe(subscription(destination)), peer.subscribed(destination));
        answer.unwrap();
    }
    drop(peer);
    let mut peer = stage.peer().await;
    peer.accept(ACTIVEMQ, "0,0").await;
    let frames = [peer.frame().await, peer.frame().await];
    let names = frames.each_ref().map(|frame| header(frame, "id").unwrap());
    assert_eq!(names, ["a", "b"]);
    peer.confirm(&frames[1]).await;
    // Answered, hence the receipt above was read.
    let sent = stage.send("acks", "x");
    let frame = peer.frame().await;
    peer.confirm(&frame).await;
    sent.await.unwrap().unwrap();
    assert!(!matches!(*stage.session.state().borrow(), State::Connected { .. }));
    peer.confirm(&frames[0]).await;
    let state = stage.until(|state| matches!(state, State::Connected { .. })).await;
    assert!(matches!(state, State::Connected { epoch: 2, subscriptions: 2, .. }), "{state:?}");
}

#[tokio::test(start_paused = true)]
async fn refused_again_by_activemq_it_is_retried_on_the_same_connection() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    drop(peer);
    let mut peer = stage.peer().await;
    peer.accept(ACTIVEMQ, "0,0").await;
    let mut waits = Vec::new();
    for _ in 0..7 {
        let frame = peer.frame().await;
        peer.refuse(&frame, REFUSED).await;
        let since = Instant::now();
        stage.until(|state| matches!(state, State::Connected { epoch: 2, subscriptions: 0, .. })).await;
        let again = peer.frame().await;
        waits.push(since.elapsed());
        peer.refuse(&again, REFUSED).await;
    }
    assert!(waits[0] <= Duration::from_secs(1), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(30)), "{waits:?}");
    peer.subscribed("q").await;
    stage.delivery(&mut peer, "1").await;
}

#[tokio::test(start_paused = true)]
async fn refused_again_by_rabbitmq_it_does_not_take_every_connection_down_at_once() {
    let mut stage = stage();
    let mut peer = stage.connected(RABBITMQ).await;
    stage.subscribe(&mut peer).await;
    let (answer, ()) = tokio::join!(stage.session.subscribe(subscription("good")), peer.subscribed("good"));
    answer.unwrap();
    drop(peer);
    let mut refusals = 0;
    // It is tried and refused, and each time the next connection first comes up with the other subscription.
    while refusals < 4 {
        let mut peer = stage.peer().await;
        peer.accept(RABBITMQ, "0,0").await;
        loop {
            let frame = peer.frame().await;
            if header(&frame, "id") == Some("good") {
                peer.confirm(&frame).await;
                continue;
            }
            refusals += 1;
            peer.say(RABBIT_REFUSED).await;
            break;
        }
    }
    let mut peer = stage.peer().await;
    peer.accept(RABBITMQ, "0,0").await;
    peer.subscribed("good").await;
    let state = stage.until(|state| matches!(state, State::Connected { .. })).await;
    assert!(matches!(state, State::Connected { subscriptions: 1, .. }), "{state:?}");
    peer.subscribed("q").await;
    stage.delivery(&mut peer, "1").await;
}

#[tokio::test(start_paused = true)]
async fn a_set_up_that_is_never_confirmed_is_given_up() {
    let mut stage = stage_with(options("broker:1").connect_timeout(Duration::from_secs(7)), 4096);
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    drop(peer);
    let mut peer = stage.peer().await;
    peer.accept(ACTIVEMQ, "0,0").await;
    let since = Instant::now();
    assert!(peer.frame().await.starts_with("SUBSCRIBE\n"));
    let state = stage.until(|state| matches!(state, State::Disconnected { .. })).await;
    let State::Disconnected { reason, .. } = state else { panic!("{state:?}") };
    assert!(reason.to_string().contains("not confirmed in time"), "{reason}");
    assert_eq!(since.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn taken_back_it_is_not_set_up_again() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let (answer, ()) = tokio::join!(stage.session.unsubscribe("q"), async {
        let frame = peer.frame().await;
        assert!(frame.starts_with("UNSUBSCRIBE\nid:q\n"), "{frame}");
        peer.confirm(&frame).await;
    });
    answer.unwrap();
    stage.session.unsubscribe("never there").await.unwrap();
    drop(peer);
    let mut peer = stage.connected(ACTIVEMQ).await;
    let _sent = stage.send("acks", "x");
    assert!(peer.frame().await.starts_with("SEND\n"));
}

#[tokio::test(start_paused = true)]
async fn a_message_too_big_to_read_can_be_answered_and_acknowledged() {
    let mut stage = stage_with(options("broker:1").max_body(10), 1024);
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let head = "MESSAGE\nsubscription:q\nmessage-id:m\nack:a\ndestination:q\nreply-to:acks\ncontent-length:50000\n\n";
    let wire = [head.as_bytes(), &[b'x'; 50_000], b"\0\n"].concat();
    let ((), delivery) = tokio::join!(peer.say(wire), stage.deliveries.recv());
    let delivery = delivery.unwrap();
    assert_eq!(delivery.flaw, Some(Flaw::BodyTooBig { bytes: 50_000, limit: 10 }));
    assert_eq!(delivery.headers.get("reply-to"), Some("acks"));
    assert!(stage.session.ack(&delivery.token));
    assert_eq!(peer.frame().await, "ACK\nid:a\n\n");
}
