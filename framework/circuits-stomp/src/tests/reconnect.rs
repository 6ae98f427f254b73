//! Trying again: when, where, for how long, and when not.

use std::time::Duration;

use tokio::time::Instant;

use super::scripted::{ACTIVEMQ, Stage, options, stage, stage_with, subscription};
use crate::State;

const WRONG_PASSWORD: &str = "ERROR\nmessage:User name [app] or password is invalid.\n\nthe same\0";

/// The reason of the final state.
async fn closed(stage: &Stage) -> std::sync::Arc<crate::Error> {
    match stage.until(|state| matches!(state, State::Closed { .. })).await {
        State::Closed { reason } => reason.expect("closed without a reason"),
        state => panic!("{state:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_grows_to_thirty_seconds_and_shrinks_after_a_steady_connection() {
    let mut stage = stage();
    drop(stage.peer().await);
    let mut waits = Vec::new();
    for _ in 0..9 {
        let since = Instant::now();
        drop(stage.peer().await);
        waits.push(since.elapsed().as_secs_f64());
    }
    let ceilings = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0];
    assert!(
        waits.iter().zip(ceilings).all(|(wait, most)| (most / 2.0 - 0.01..=most + 0.01).contains(wait)),
        "{waits:?}"
    );
    let steady = stage.connected(ACTIVEMQ).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    drop(steady);
    let since = Instant::now();
    let peer = stage.connected(ACTIVEMQ).await;
    assert!(since.elapsed() <= Duration::from_secs(1), "{:?}", since.elapsed());
    // A connection that breaks at once earns no short wait.
    drop(peer);
    let since = Instant::now();
    stage.peer().await;
    assert!(since.elapsed() >= Duration::from_secs(1), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn every_change_can_be_watched() {
    let mut stage = stage();
    let state = stage.session.state().borrow().clone();
    assert!(matches!(state, State::Connecting { attempt: 1, .. }), "{state:?}");
    drop(stage.peer().await);
    let state = stage.until(|state| matches!(state, State::Disconnected { .. })).await;
    let State::Disconnected { reason, retry_in } = state else { panic!("{state:?}") };
    assert!(reason.to_string().contains("broker:1") && !reason.is_permanent(), "{reason}");
    assert!(retry_in <= Duration::from_secs(1));
    let mut peer = stage.peer().await;
    stage.until(|state| matches!(state, State::Connecting { attempt: 2, .. })).await;
    peer.accept(ACTIVEMQ, "0,0").await;
    stage.until(|state| matches!(state, State::Connected { epoch: 1, .. })).await;
}

#[tokio::test(start_paused = true)]
async fn hosts_are_tried_in_turn_before_the_wait_grows() {
    let mut stage = stage_with(options("a:1,b:2,c:3"), 4096);
    let mut names = Vec::new();
    for _ in 0..4 {
        let since = Instant::now();
        names.push(stage.dialled.recv().await.unwrap().0.to_string());
        assert!(since.elapsed() <= Duration::from_secs(1));
    }
    assert_eq!(names, ["a:1", "b:2", "c:3", "a:1"]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_at_start_ends_the_session() {
    let mut stage = stage();
    let session = stage.session.clone();
    let waiting = tokio::spawn(async move { session.subscribe(subscription("q")).await });
    let mut peer = stage.peer().await;
    peer.frame().await;
    peer.say(WRONG_PASSWORD).await;
    let reason = closed(&stage).await;
    assert!(reason.is_credentials() && reason.is_permanent(), "{reason}");
    assert!(!format!("{reason} {reason:?}").contains("s3cret"));
    let error = waiting.await.unwrap().unwrap_err();
    assert!(error.is_closed() && error.is_credentials(), "{error}");
    assert!(stage.deliveries.recv().await.is_none());
    assert!(stage.session.close(Duration::from_secs(1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn rabbitmq_says_it_in_other_words_and_stays() {
    let mut stage = stage();
    let mut peer = stage.peer().await;
    peer.frame().await;
    peer.say("ERROR\nmessage:Bad CONNECT\ncontent-length:30\n\nAccess refused for user 'app'\n\0").await;
    assert!(closed(&stage).await.is_credentials());
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_first_success_is_retried() {
    let mut stage = stage();
    drop(stage.connected(ACTIVEMQ).await);
    for _ in 0..3 {
        let mut peer = stage.peer().await;
        peer.frame().await;
        peer.say(WRONG_PASSWORD).await;
    }
    stage.connected(ACTIVEMQ).await;
}

#[tokio::test(start_paused = true)]
async fn an_authentication_service_that_is_down_is_no_refusal() {
    let mut stage = stage();
    let mut peer = stage.peer().await;
    peer.frame().await;
    peer.say("ERROR\nmessage:Unable to connect to authentication service\n\n\0").await;
    stage.connected(ACTIVEMQ).await;
}

#[tokio::test(start_paused = true)]
async fn with_several_hosts_all_of_them_have_to_refuse() {
    let mut stage = stage_with(options("a:1,b:2"), 4096);
    for answer in [WRONG_PASSWORD, "", WRONG_PASSWORD, WRONG_PASSWORD] {
        assert!(!matches!(*stage.session.state().borrow(), State::Closed { .. }));
        let mut peer = stage.peer().await;
        peer.frame().await;
        peer.say(answer).await;
    }
    assert!(closed(&stage).await.is_credentials());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_answer_or_speaks_something_else_is_told_and_retried() {
    let mut stage = stage_with(options("broker:1").connect_timeout(Duration::from_secs(9)), 4096);
    for (answer, told) in [
        ("", "did not answer in time"),
        ("HTTP/1.1 400 Bad Request\r\nserver: x\r\n\r\n", "does not speak STOMP 1.2"),
        ("CONNECTED\nversion:1.0\n\n\0", "\"1.0\", not 1.2"),
        ("RECEIPT\nreceipt-id:1\n\n\0", "something other than CONNECTED"),
    ] {
        let mut peer = stage.peer().await;
        peer.frame().await;
        peer.say(answer).await;
        let state = stage.until(|state| matches!(state, State::Disconnected { .. })).await;
        let State::Disconnected { reason, .. } = state else { panic!("{state:?}") };
        assert!(reason.to_string().contains(told) && reason.to_string().contains("broker:1"), "{reason}");
        stage.until(|state| matches!(state, State::Connecting { .. })).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_frame_ends_the_connection_and_is_not_shown() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    peer.say("MESSAGE\nsecret without colon\n\n\0").await;
    let state = stage.until(|state| matches!(state, State::Disconnected { .. })).await;
    let text = format!("{state:?}");
    assert!(text.contains("a header line has no colon") && !text.contains("secret"), "{text}");
    stage.connected(ACTIVEMQ).await;
}
