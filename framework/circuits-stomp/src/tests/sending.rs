//! SEND and its receipts: shared on ActiveMQ, one each on other brokers; refusals are told apart from losses.

use std::time::Duration;

use super::scripted::{ACTIVEMQ, Peer, RABBITMQ, header, outgoing, stage};
use crate::State;

/// The next SEND and the receipt that it asks for.
async fn send(peer: &mut Peer) -> (String, Option<String>) {
    let frame = peer.frame().await;
    assert!(frame.starts_with("SEND\n"), "{frame}");
    let receipt = header(&frame, "receipt").map(str::to_owned);
    (frame, receipt)
}

#[tokio::test(start_paused = true)]
async fn sends_that_are_ready_together_share_one_write_and_on_activemq_one_receipt() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let before = peer.writes();
    let answers: Vec<_> = (0..5).map(|_| stage.send("acks", "x")).collect();
    for _ in 0..4 {
        assert_eq!(send(&mut peer).await.1, None);
    }
    let (last, receipt) = send(&mut peer).await;
    assert!(receipt.is_some());
    assert_eq!(peer.writes() - before, 1);
    assert!(answers.iter().all(|answer| !answer.is_finished()), "nothing is confirmed before the receipt");
    peer.confirm(&last).await;
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn on_activemq_what_is_not_confirmed_fits_in_its_socket_buffer() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let answers: Vec<_> = (0..1_000).map(|_| stage.send("acks.201.queue", "x")).collect();
    let mut seen = 0;
    while seen < answers.len() {
        let (mut bytes, mut confirmed) = (0, Vec::new());
        while confirmed.len() < 2 && seen < answers.len() {
            let (frame, receipt) = send(&mut peer).await;
            (bytes, seen) = (bytes + frame.len(), seen + 1);
            confirmed.extend(receipt.map(|_| frame));
        }
        assert!(bytes < 32 * 1024, "{bytes} bytes wait for two receipts");
        for frame in confirmed {
            peer.confirm(&frame).await;
        }
    }
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn on_activemq_sends_gather_while_receipts_are_outstanding_and_acks_do_not_wait() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let delivery = stage.delivery(&mut peer, "1").await;
    let (first, second) = (stage.send("acks", "1"), stage.send("acks", "2"));
    let group = [send(&mut peer).await, send(&mut peer).await];
    let single = stage.send("acks", "3");
    let third = send(&mut peer).await;
    let held: Vec<_> = (0..3).map(|_| stage.send("acks", "late")).collect();
    tokio::task::yield_now().await;
    assert!(stage.session.ack(&delivery.token));
    assert!(
        peer.frame().await.starts_with("ACK\n"),
        "two receipts are outstanding: nothing but the ACK is written"
    );

    peer.confirm(&group[1].0).await;
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!((send(&mut peer).await.1, send(&mut peer).await.1), (None, None));
    let (last, _) = send(&mut peer).await;
    peer.confirm(&third.0).await;
    peer.confirm(&last).await;
    single.await.unwrap().unwrap();
    for answer in held {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn on_other_brokers_each_send_has_its_receipt_in_whatever_order() {
    for server in [RABBITMQ, "", "Artemis ActiveMQ/1"] {
        let mut stage = stage();
        let mut peer = stage.connected(server).await;
        let (one, two) = (stage.send("a", "1"), stage.send("b", "2"));
        let (first, second) = (send(&mut peer).await.0, send(&mut peer).await.0);
        peer.confirm(&second).await;
        two.await.unwrap().unwrap();
        assert!(!one.is_finished());
        peer.confirm(&first).await;
        one.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_names_no_message_ends_the_connection_and_the_next_one_tells_messages_apart() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let lost = [stage.send("acks", "1"), stage.send("acks", "2")];
    send(&mut peer).await;
    send(&mut peer).await;
    peer.say("ERROR\nmessage:Usage Manager Memory Limit reached\n\ntrace\0").await;
    for answer in lost {
        let error = answer.await.unwrap().unwrap_err();
        assert!(error.is_lost() && !error.is_refused(), "{error}");
        assert!(error.to_string().contains("Usage Manager Memory Limit reached"), "{error}");
    }

    let mut peer = stage.connected(ACTIVEMQ).await;
    let (good, bad) = (stage.send("acks", "1"), stage.send("acks", "2"));
    let (first, second) = (send(&mut peer).await.0, send(&mut peer).await.0);
    peer.confirm(&first).await;
    peer.refuse(&second, "Usage Manager Memory Limit reached").await;
    good.await.unwrap().unwrap();
    let error = bad.await.unwrap().unwrap_err();
    assert!(error.is_refused() && !error.is_lost() && !error.is_unauthorised(), "{error}");
    // Interim messages ask for a receipt now too, and a refused one does not end the connection.
    stage.session.post(outgoing("acks", "interim"));
    let (post, receipt) = send(&mut peer).await;
    assert!(receipt.is_some());
    assert_eq!(
        header(&post, "persistent"),
        Some("true"),
        "or ActiveMQ keeps it apart, and it may arrive after the answer"
    );
    peer.refuse(&post, "no").await;
    let after = stage.send("acks", "3");
    let frame = send(&mut peer).await.0;
    peer.confirm(&frame).await;
    after.await.unwrap().unwrap();

    // Once it ends for another reason, receipts are shared again.
    drop(peer);
    let mut peer = stage.connected(ACTIVEMQ).await;
    let _answers = [stage.send("acks", "1"), stage.send("acks", "2")];
    assert_eq!(send(&mut peer).await.1, None);
}

#[tokio::test(start_paused = true)]
async fn an_error_for_a_shared_receipt_names_nobody() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let answers = [stage.send("acks", "1"), stage.send("acks", "2")];
    send(&mut peer).await;
    let (last, _) = send(&mut peer).await;
    peer.refuse(&last, "disk full").await;
    for answer in answers {
        let error = answer.await.unwrap().unwrap_err();
        assert!(error.is_lost() && error.to_string().contains("disk full"), "{error}");
    }
    let mut peer = stage.connected(ACTIVEMQ).await;
    let _answers = [stage.send("acks", "1"), stage.send("acks", "2")];
    assert!(send(&mut peer).await.1.is_some());
}

#[tokio::test(start_paused = true)]
async fn rabbitmq_names_the_queue_and_only_its_messages_are_refused() {
    let mut stage = stage();
    let mut peer = stage.connected(RABBITMQ).await;
    let (good, bad) = (stage.send("acks.1", "1"), stage.send("/queue/secret.q", "2"));
    send(&mut peer).await;
    send(&mut peer).await;
    peer.say(
        "ERROR\nmessage:access_refused\ncontent-type:text/plain\nversion:1.0,1.1,1.2\ncontent-length:75\n\n\
         ACCESS_REFUSED - access to queue 'secret.q' in vhost '/' refused for user 'a'\0"
            .replace("length:75", "length:77"),
    )
    .await;
    let error = bad.await.unwrap().unwrap_err();
    assert!(error.is_refused() && error.is_unauthorised(), "{error}");
    assert!(error.to_string().contains("secret.q") && error.to_string().contains("\"app\""), "{error}");
    assert!(good.await.unwrap().unwrap_err().is_lost());
}

#[tokio::test(start_paused = true)]
async fn activemq_names_the_queue_too() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let answers = [stage.send("secret", "1"), stage.send("secret.q", "2")];
    send(&mut peer).await;
    send(&mut peer).await;
    peer.say("ERROR\nmessage:User app is not authorized to write to\\c queue\\c//secret.q\n\ntrace\0").await;
    let [other, bad] = answers;
    assert!(bad.await.unwrap().unwrap_err().is_unauthorised());
    assert!(other.await.unwrap().unwrap_err().is_lost(), "a longer name is another queue");
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_nothing_is_kept_for_later() {
    let mut stage = stage();
    let error = stage.session.send(outgoing("acks", "x")).await.unwrap_err();
    assert!(error.is_lost(), "{error}");
    stage.session.post(outgoing("acks", "x"));
    let mut peer = stage.connected(ACTIVEMQ).await;
    let pending = stage.send("acks", "y");
    assert!(send(&mut peer).await.0.ends_with("\n\ny"));
    drop(peer);
    let error = pending.await.unwrap().unwrap_err();
    assert!(error.is_lost() && error.to_string().contains("broker:1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn bytes_on_their_way_are_bounded_sends_wait_and_posts_are_dropped() {
    let mut stage = stage();
    let mut peer = stage.connected(RABBITMQ).await;
    let big: &'static str = Box::leak("x".repeat(6 * 1024 * 1024).into_boxed_str());
    let first = stage.send("acks", big);
    tokio::task::yield_now().await;
    let second = stage.send("acks", big);
    tokio::task::yield_now().await;
    stage.session.post(outgoing("acks", big));
    let small = stage.send("acks", "small");
    let frames = [send(&mut peer).await.0, send(&mut peer).await.0, send(&mut peer).await.0];
    assert!(
        frames[2].ends_with("small") && header(&frames[1], "persistent").is_some(),
        "the post was dropped"
    );
    for (frame, answer) in frames.iter().zip([first, second, small]) {
        peer.confirm(frame).await;
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_echoes_of_our_password_is_not_repeated() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let answer = stage.send("acks", "1");
    let frame = send(&mut peer).await.0;
    peer.refuse(&frame, "cannot parse header [passcode\\cs3cret]").await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    peer.say("ERROR\nmessage:s3cret again\n\n\0").await;
    let state = stage.until(|state| matches!(state, State::Disconnected { .. })).await;
    assert!(!format!("{state:?} {:?} {:?}", stage.session, stage.deliveries).contains("s3cret"));
    stage.session.close(Duration::from_secs(1)).await.unwrap();
}
