//! Connections that break while a message is handled.

use std::time::Duration;

use circuits_stomp::{Session, State};

use super::{
    QUEUE, REPLIES, close, connected, correlation, options, patient, reply, subscribed, tally, until,
};
use crate::broker::Broker;
use crate::raw::Client;

/// After the broker was killed and restarted, the message comes again; the token of the first copy does nothing, and the reply
/// that is then sent arrives once.
pub async fn a_stale_token_is_never_accepted(broker: &mut Broker) {
    let (session, mut deliveries) = subscribed(broker, 10).await;
    Client::connect(broker).await.send(QUEUE, &[("correlation-id", b"1")], "").await;
    let first = patient(deliveries.recv()).await.unwrap();
    broker.settle();
    broker.kill();
    until(&session, |state| !matches!(state, State::Connected { .. })).await;
    assert!(!session.ack(&first.token), "accepted without a connection");
    assert!(patient(session.send(reply("1", ""))).await.unwrap_err().is_lost());
    broker.restart();
    connected(&session, 2).await;
    assert!(!session.ack(&first.token), "accepted on another connection");
    let error = patient(session.send_and_ack(reply("stale", ""), &first.token)).await.unwrap_err();
    assert!(error.is_stale(), "{error:?}");
    let second = patient(deliveries.recv()).await.unwrap();
    assert_eq!(correlation(&second), "1");
    patient(session.send(reply("1", ""))).await.unwrap();
    assert!(session.ack(&second.token));
    close(&session).await;
    assert_eq!(tally(broker, REPLIES).await, [("1".to_owned(), 1)].into());
    assert!(tally(broker, QUEUE).await.is_empty(), "the second token did not acknowledge");
}

/// The session notices by missing heart-beats that a broker is frozen with open connections, and finds it again.
pub async fn a_silent_broker_is_left_and_found_again(broker: &mut Broker) {
    let beat = Duration::from_secs(1);
    let (session, _deliveries) = Session::start(options(broker).heart_beat(beat, beat));
    connected(&session, 1).await;
    broker.pause();
    let state = until(&session, |state| matches!(state, State::Disconnected { .. })).await;
    let State::Disconnected { reason, .. } = state else { unreachable!() };
    assert!(reason.is_lost() || !reason.is_permanent(), "{reason:?}");
    broker.resume();
    connected(&session, 2).await;
    patient(session.send(reply("after", ""))).await.unwrap();
    assert_eq!(tally(broker, REPLIES).await, [("after".to_owned(), 1)].into());
}
