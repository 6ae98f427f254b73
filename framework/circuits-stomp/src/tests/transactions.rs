//! Reply and acknowledgement in one transaction: the frames, and whose receipts count on which broker.

use super::scripted::{ACTIVEMQ, Peer, RABBITMQ, header, stage};

/// The four frames of a transaction and its name.
async fn transaction(peer: &mut Peer) -> ([String; 4], String) {
    let frames = [peer.frame().await, peer.frame().await, peer.frame().await, peer.frame().await];
    let commands = frames.each_ref().map(|frame| frame.lines().next().unwrap());
    assert_eq!(commands, ["BEGIN", "SEND", "ACK", "COMMIT"]);
    let name = header(&frames[0], "transaction").unwrap().to_owned();
    assert!(frames.iter().all(|frame| header(frame, "transaction") == Some(&name)), "{frames:?}");
    (frames, name)
}

#[tokio::test(start_paused = true)]
async fn activemq_answers_for_the_commit_alone() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let (one, two) = (stage.delivery(&mut peer, "a1").await, stage.delivery(&mut peer, "a2").await);
    let (first, second) = (stage.transact("acks", &one.token), stage.transact("acks", &two.token));
    let (frames, name) = transaction(&mut peer).await;
    let (more, other) = transaction(&mut peer).await;
    assert_ne!(name, other);
    assert_eq!((header(&frames[1], "persistent"), header(&frames[2], "id")), (Some("true"), Some("a1")));
    assert_eq!(
        header(&frames[1], "receipt"),
        None,
        "with a receipt, a failing SEND would not fail the COMMIT"
    );
    peer.confirm(&more[3]).await;
    second.await.unwrap().unwrap();
    assert!(!first.is_finished());
    peer.confirm(&frames[3]).await;
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn rabbitmq_has_to_answer_for_send_and_commit() {
    let mut stage = stage();
    let mut peer = stage.connected(RABBITMQ).await;
    stage.subscribe(&mut peer).await;
    let delivery = stage.delivery(&mut peer, "a1").await;
    let answer = stage.transact("acks", &delivery.token);
    let (frames, _) = transaction(&mut peer).await;
    peer.confirm(&frames[3]).await;
    // The answer to a later request proves that the COMMIT's receipt was read.
    let later = stage.send("acks", "later");
    let frame = peer.frame().await;
    peer.confirm(&frame).await;
    later.await.unwrap().unwrap();
    assert!(!answer.is_finished(), "RabbitMQ confirms a COMMIT whose SEND it refuses");
    peer.confirm(&frames[1]).await;
    answer.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_refuses_the_message_and_makes_the_broker_deliver_again() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let delivery = stage.delivery(&mut peer, "a1").await;
    let answer = stage.transact("acks", &delivery.token);
    let (frames, name) = transaction(&mut peer).await;
    peer.refuse(&frames[3], "COMMIT FAILED\\c Transaction marked rollback only").await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.is_refused() && !error.is_lost(), "{error}");

    let mut peer = stage.peer().await;
    peer.accept(ACTIVEMQ, "0,0").await;
    peer.subscribed("q").await;
    let again = stage.delivery(&mut peer, "a1").await;
    assert_ne!(again.token, delivery.token, "the same ack id on another connection is another token");
    let _answer = stage.transact("acks", &again.token);
    assert_ne!(transaction(&mut peer).await.1, name);
}

#[tokio::test(start_paused = true)]
async fn the_reason_for_a_failed_commit_may_come_after_it() {
    // ActiveMQ reports the SEND's failure from another thread.
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let delivery = stage.delivery(&mut peer, "a1").await;
    let answer = stage.transact("secret.q", &delivery.token);
    let (frames, _) = transaction(&mut peer).await;
    peer.refuse(&frames[3], "COMMIT FAILED\\c Transaction marked rollback only").await;
    peer.say("ERROR\nmessage:User app is not authorized to write to\\c queue\\c//secret.q\n\ntrace\0").await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.is_unauthorised() && error.to_string().contains("secret.q"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_reason_for_a_refused_send_may_come_after_another_error() {
    // RabbitMQ's channel is gone when it handles the ACK behind the SEND, and it says so before it says why.
    let mut stage = stage();
    let mut peer = stage.connected(RABBITMQ).await;
    stage.subscribe(&mut peer).await;
    let delivery = stage.delivery(&mut peer, "1").await;
    let answer = stage.transact("secret.q", &delivery.token);
    transaction(&mut peer).await;
    peer.say("ERROR\nmessage:Processing error\n\nProcessing error\0").await;
    peer.say("ERROR\nmessage:access_refused\n\nACCESS_REFUSED - access to queue 'secret.q' in vhost '/'\0")
        .await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.is_unauthorised() && error.to_string().contains("secret.q"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_send_refused_by_name_refuses_its_transaction() {
    for (server, error) in [
        (ACTIVEMQ, "ERROR\nmessage:User app is not authorized to write to\\c queue\\c//secret.q\n\ntrace\0"),
        (
            RABBITMQ,
            "ERROR\nmessage:access_refused\n\nACCESS_REFUSED - access to queue 'secret.q' in vhost '/'\0",
        ),
    ] {
        let mut stage = stage();
        let mut peer = stage.connected(server).await;
        stage.subscribe(&mut peer).await;
        let (bad, good) = (stage.delivery(&mut peer, "1").await, stage.delivery(&mut peer, "2").await);
        let (refused, lost) = (stage.transact("secret.q", &bad.token), stage.transact("acks", &good.token));
        let (frames, _) = transaction(&mut peer).await;
        transaction(&mut peer).await;
        if server == RABBITMQ {
            peer.confirm(&frames[3]).await;
        }
        peer.say(error).await;
        assert!(refused.await.unwrap().unwrap_err().is_unauthorised());
        assert!(lost.await.unwrap().unwrap_err().is_lost());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_an_earlier_connection_sends_nothing() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let old = stage.delivery(&mut peer, "a1").await.token;
    peer.deliver("never read").await;
    drop(peer);
    stage.until(|state| matches!(state, crate::State::Disconnected { .. })).await;
    assert!(!stage.session.ack(&old));
    assert!(stage.transact("acks", &old).await.unwrap().unwrap_err().is_stale());

    let mut peer = stage.peer().await;
    peer.accept(ACTIVEMQ, "0,0").await;
    peer.subscribed("q").await;
    let fresh = stage.delivery(&mut peer, "b1").await;
    assert_eq!(fresh.headers.get("ack"), Some("b1"), "what came over the old connection is left out");
    assert!(!stage.session.ack(&old));
    assert!(stage.transact("acks", &old).await.unwrap().unwrap_err().is_stale());
    assert!(stage.session.ack(&fresh.token));
    assert_eq!(peer.frame().await, "ACK\nid:b1\n\n", "the first frame since SUBSCRIBE");
}
