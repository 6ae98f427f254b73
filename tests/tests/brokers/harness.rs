//! The promises of the harness about a broker, tested only with the raw client.

use circuits_tests::broker::{Broker, FORBIDDEN, USER};
use circuits_tests::raw::{Client, Frame};

/// Tests every promise on one broker.
pub(crate) async fn all(mut broker: Broker) {
    messages_make_the_round_trip(&broker).await;
    a_wrong_password_is_refused(&broker).await;
    a_forbidden_queue_is_refused(&broker).await;
    a_persistent_message_survives_kill_9(&mut broker).await;
    broker.stop();
    broker.restart();
    assert!(Client::connect(&broker).await.drain("test.stop").await.is_empty());
}

async fn messages_make_the_round_trip(broker: &Broker) {
    let mut client = Client::connect(broker).await;
    client.subscribe("test.trip", 1).await.unwrap();
    client.send("test.trip", &[("correlation-id", b"a:b\\c\nd")], "x\0y").await;
    let message = client.message().await;
    assert_eq!(message.get("correlation-id").as_deref(), Some("a:b\\c\nd"));
    assert_eq!(&message.body[..], b"x\0y");
    client.ack(&message).await;
}

async fn a_wrong_password_is_refused(broker: &Broker) {
    let error = Client::connect_as(broker, USER, "wrong").await.unwrap_err();
    assert_eq!(error.command, "ERROR");
}

async fn a_forbidden_queue_is_refused(broker: &Broker) {
    let mut client = Client::connect(broker).await;
    assert_eq!(client.subscribe(FORBIDDEN, 1).await.unwrap_err().command, "ERROR");
    let mut client = Client::connect(broker).await;
    let send = Frame::new("SEND").header("destination", FORBIDDEN).body("x");
    assert_eq!(client.confirm(send).await.unwrap_err().command, "ERROR");
}

async fn a_persistent_message_survives_kill_9(broker: &mut Broker) {
    Client::connect(broker).await.send("test.kill", &[], "kept").await;
    broker.settle();
    broker.kill();
    broker.restart();
    let kept = Client::connect(broker).await.drain("test.kill").await;
    assert_eq!(kept.iter().map(|message| &message.body[..]).collect::<Vec<_>>(), [b"kept"]);
}
