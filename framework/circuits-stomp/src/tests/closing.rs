//! The end of a session: in good order, in time, or because nobody holds it any more.

use std::time::Duration;

use tokio::time::Instant;

use super::scripted::{ACTIVEMQ, Stage, header, outgoing, stage};
use crate::{Session, State, Subscription};

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_written_and_confirmed_before_disconnect() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let sent = stage.send("acks", "final");
    stage.session.post(outgoing("acks", "interim"));
    tokio::task::yield_now().await;
    let closing = stage.close();
    tokio::task::yield_now().await;
    let (mut send, mut seen) = (String::new(), Vec::new());
    while seen.len() < 2 {
        let frame = peer.frame().await;
        seen.push(frame.rsplit('\n').next().unwrap().to_owned());
        if header(&frame, "receipt").is_some() {
            send = frame;
        }
    }
    seen.sort();
    assert_eq!(seen, ["final", "interim"]);
    // The session accepts nothing any more.
    let error = stage.session.send(outgoing("acks", "late")).await.unwrap_err();
    assert!(error.is_closed(), "{error}");
    let late = Subscription { destination: "q".into(), prefetch: 1 };
    assert!(stage.session.subscribe(late).await.unwrap_err().is_closed());
    let early = tokio::time::timeout(Duration::from_secs(1), peer.frame()).await;
    assert!(early.is_err(), "a message is unconfirmed, hence no {early:?}");
    peer.confirm(&send).await;
    sent.await.unwrap().unwrap();
    let frame = peer.frame().await;
    assert!(frame.starts_with("DISCONNECT\nreceipt:"), "{frame}");
    peer.confirm(&frame).await;
    closing.await.unwrap().unwrap();
    assert_eq!(peer.rest().await, b"", "not a byte after DISCONNECT");
    assert!(matches!(*stage.session.state().borrow(), State::Closed { reason: None }));
    assert!(stage.deliveries.recv().await.is_none());
    assert!(stage.session.close(Duration::ZERO).await.is_ok(), "closing again does no harm");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_confirm_is_left_after_the_timeout() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let sent = stage.send("acks", "never confirmed");
    peer.frame().await;
    let since = Instant::now();
    let error = stage.close().await.unwrap().unwrap_err();
    assert!(error.is_lost(), "{error}");
    assert_eq!(since.elapsed(), Duration::from_secs(5));
    assert!(sent.await.unwrap().unwrap_err().is_lost());
    assert!(matches!(*stage.session.state().borrow(), State::Closed { reason: None }));
    peer.rest().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_up_instead_is_told() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let closing = stage.close();
    assert!(peer.frame().await.starts_with("DISCONNECT\n"));
    drop(peer);
    assert!(closing.await.unwrap().unwrap_err().is_lost());
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_it_ends_at_once() {
    let mut stage = stage();
    let since = Instant::now();
    // While CONNECT is unanswered,
    let peer = stage.peer().await;
    stage.session.close(Duration::from_secs(5)).await.unwrap();
    drop(peer);
    // and while it waits for the next try.
    let mut stage = super::scripted::stage();
    drop(stage.peer().await);
    stage.until(|state| matches!(state, State::Disconnected { .. })).await;
    stage.session.close(Duration::from_secs(5)).await.unwrap();
    assert!(since.elapsed() < Duration::from_millis(100), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_the_connection_with_it() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    let Stage { session, mut deliveries, .. } = stage;
    let clone = session.clone();
    drop(session);
    clone.post(outgoing("acks", "still there"));
    assert!(peer.frame().await.ends_with("still there"));
    drop(clone);
    assert!(deliveries.recv().await.is_none());
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_off_loses_what_is_sent_and_ends_at_once() {
    let (session, mut deliveries) = Session::off();
    let state = session.state();
    let nothing = tokio::time::timeout(Duration::from_secs(3600), deliveries.recv()).await;
    assert!(nothing.is_err() && matches!(*state.borrow(), State::Off));
    assert!(session.send(outgoing("acks", "x")).await.unwrap_err().is_lost());
    session.close(Duration::from_secs(1)).await.unwrap();
    assert!(matches!(*state.borrow(), State::Closed { reason: None }));
    assert!(deliveries.recv().await.is_none());
    assert!(session.send(outgoing("acks", "x")).await.unwrap_err().is_closed());
}
