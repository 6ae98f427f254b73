//! Frames of unusual size and content, both ways.

use circuits_stomp::Flaw;

use super::{QUEUE, REPLIES, close, patient, reply, subscribed};
use crate::broker::{Broker, Kind};
use crate::raw::Client;

/// Empty values, every escaped character, and bytes that are not UTF-8.
pub async fn odd_headers_arrive(broker: &mut Broker) {
    let (session, mut deliveries) = subscribed(broker, 10).await;
    let mut client = Client::connect(broker).await;
    client.send(QUEUE, &[("empty", b""), ("odd:name", b"\r\n\\:")], "").await;
    let delivery = patient(deliveries.recv()).await.unwrap();
    assert_eq!(delivery.headers.get("empty"), Some(""));
    assert_eq!(delivery.headers.get("odd:name"), Some("\r\n\\:"));
    assert_eq!(delivery.flaw, None);
    assert!(session.ack(&delivery.token));
    // ActiveMQ replaces such bytes itself.
    client.send(QUEUE, &[("bad", b"x\xff"), ("good", "grün".as_bytes())], "body").await;
    let delivery = patient(deliveries.recv()).await.unwrap();
    assert_eq!(delivery.headers.get("bad"), Some("x\u{fffd}"));
    assert_eq!(delivery.headers.get("good"), Some("grün"));
    assert_eq!(&delivery.body[..], b"body");
    let flaw = Flaw::HeaderNotUtf8 { name: "bad".to_owned() };
    assert_eq!(delivery.flaw, (broker.kind == Kind::RabbitMq).then_some(flaw));
    assert!(session.ack(&delivery.token));
    close(&session).await;
    assert!(client.drain(QUEUE).await.is_empty(), "a message with odd headers was not acknowledged");
}

/// 20 MB of body, and headers as large as the broker accepts: 1 MB on RabbitMQ, lines of 10 KiB on ActiveMQ.
pub async fn large_frames_pass(broker: &mut Broker) {
    let (session, mut deliveries) = subscribed(broker, 10).await;
    let mut client = Client::connect(broker).await;
    let header = "h".repeat(if broker.kind == Kind::RabbitMq { 1024 * 1024 } else { 9 * 1024 });
    let body: Vec<u8> = (0..20 * 1024 * 1024_u32).map(|index| (index % 251) as u8).collect();
    for (header, body) in [(header.as_str(), &b"small"[..]), ("small", &body)] {
        client.send(QUEUE, &[("large", header.as_bytes())], body.to_vec()).await;
        let delivery = patient(deliveries.recv()).await.unwrap();
        assert_eq!(delivery.flaw, None);
        assert!(delivery.headers.get("large") == Some(header), "the header arrived changed");
        assert!(delivery.body == body, "the body arrived changed");
        let mut answer = reply("1", delivery.body);
        answer.headers.push(("large".to_owned(), header.to_owned()));
        patient(session.send(answer)).await.unwrap();
        assert!(session.ack(&delivery.token));
        let replies = client.drain(REPLIES).await;
        assert_eq!(replies.len(), 1);
        assert!(replies[0].get("large").as_deref() == Some(header), "the header was sent changed");
        assert!(replies[0].body == body, "the body was sent changed");
    }
    close(&session).await;
}
