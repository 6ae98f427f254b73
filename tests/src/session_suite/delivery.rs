//! Subscribe, reply, acknowledge: what the broker has afterwards.

use circuits_stomp::Outgoing;

use super::{QUEUE, REPLIES, close, correlation, patient, reply, subscribed, tally};
use crate::broker::{Broker, FORBIDDEN};
use crate::raw::Client;

/// A confirmed reply is in its queue as it was sent, and the acknowledged message is gone.
pub async fn a_reply_and_its_ack_round_trip(broker: &mut Broker) {
    let (session, mut deliveries) = subscribed(broker, 10).await;
    let mut client = Client::connect(broker).await;
    let reply_to = format!("/queue/{REPLIES}");
    let headers = [("correlation-id", &b"a:b\\c\nd"[..]), ("reply-to", reply_to.as_bytes())];
    client.send(QUEUE, &headers, "x\0y").await;
    let delivery = patient(deliveries.recv()).await.unwrap();
    assert_eq!(delivery.subscription, QUEUE);
    assert_eq!(delivery.headers.get("reply-to"), Some(&*reply_to));
    assert_eq!(&delivery.body[..], b"x\0y");
    assert!(!delivery.redelivered);
    assert_eq!(delivery.flaw, None);
    let id = correlation(&delivery);
    let answer = Outgoing { destination: reply_to, ..reply(&id, "p\0q") };
    patient(session.send(answer)).await.unwrap();
    assert!(session.ack(&delivery.token));
    close(&session).await;
    let replies = client.drain(REPLIES).await;
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].get("correlation-id").as_deref(), Some("a:b\\c\nd"));
    assert_eq!(&replies[0].body[..], b"p\0q");
    assert!(client.drain(QUEUE).await.is_empty(), "the message was not acknowledged");
}

/// A transaction leaves a reply and takes the message; one whose reply is refused leaves nothing and takes nothing.
pub async fn a_transaction_is_all_or_nothing(broker: &mut Broker) {
    let mut client = Client::connect(broker).await;
    let (session, mut deliveries) = subscribed(broker, 10).await;
    client.send(QUEUE, &[("correlation-id", b"good")], "").await;
    let delivery = patient(deliveries.recv()).await.unwrap();
    patient(session.send_and_ack(reply("good", "done"), &delivery.token)).await.unwrap();
    client.send(QUEUE, &[("correlation-id", b"bad")], "").await;
    let delivery = patient(deliveries.recv()).await.unwrap();
    let mut forbidden = reply("bad", "never");
    forbidden.destination = FORBIDDEN.to_owned();
    let error = patient(session.send_and_ack(forbidden, &delivery.token)).await.unwrap_err();
    assert!(error.is_unauthorised(), "{error:?}");
    // RabbitMQ has closed the connection. Either way the session ends and its messages go back.
    let _ = session.close(super::PATIENCE).await;
    let one = |id: &str| [(id.to_owned(), 1)].into();
    assert_eq!(tally(broker, REPLIES).await, one("good"));
    assert_eq!(tally(broker, QUEUE).await, one("bad"));
}
