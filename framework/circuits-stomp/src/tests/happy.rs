//! One message's way through a session, with every byte of ours.

use super::scripted::{ACTIVEMQ, header, outgoing, stage};
use crate::{State, Subscription};

#[tokio::test(start_paused = true)]
async fn a_message_comes_in_and_its_answer_goes_out() {
    let mut stage = stage();
    let mut peer = stage.peer().await;
    let connect = peer.accept(ACTIVEMQ, "0,0").await;
    assert_eq!(header(&connect, "host"), Some("broker"));
    assert_eq!(header(&connect, "login"), Some("app"));
    assert_eq!(header(&connect, "passcode"), Some("s3cret"));
    assert_eq!(header(&connect, "heart-beat"), Some("15000,15000"));

    let subscription = Subscription { destination: "actions.201.x".into(), prefetch: 5 };
    let (answer, ()) = tokio::join!(stage.session.subscribe(subscription), peer.subscribed("actions.201.x"));
    answer.unwrap();

    peer.say("MESSAGE\nsubscription:actions.201.x\nmessage-id:m\\c1\nack:a\\c1\ndestination:/queue/actions.201.x\nredelivered:true\n\nhi\0\n").await;
    let delivery = stage.deliveries.recv().await.unwrap();
    assert_eq!(delivery.subscription, "actions.201.x");
    assert_eq!(delivery.headers.get("message-id"), Some("m:1"));
    assert!(delivery.redelivered && delivery.flaw.is_none());
    assert_eq!(&delivery.body[..], b"hi");

    let (answer, ()) = tokio::join!(stage.session.send(outgoing("acks.201.x", "{}")), async {
        let frame = peer.frame().await;
        assert_eq!(
            frame,
            "SEND\ndestination:acks.201.x\ncontent-length:2\npersistent:true\nreceipt:r2\n\n{}"
        );
        peer.confirm(&frame).await;
    });
    answer.unwrap();
    assert!(stage.session.ack(&delivery.token));
    assert_eq!(peer.frame().await, "ACK\nid:a\\c1\n\n");

    let (answer, ()) = tokio::join!(stage.session.close(std::time::Duration::from_secs(5)), async {
        let frame = peer.frame().await;
        assert!(frame.starts_with("DISCONNECT\n"), "{frame}");
        peer.confirm(&frame).await;
    });
    answer.unwrap();
    assert!(matches!(*stage.session.state().borrow(), State::Closed { reason: None }));
    assert!(stage.deliveries.recv().await.is_none());
}
