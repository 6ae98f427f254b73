//! Brokers that do not know a virtual host named after the host connected to: RabbitMQ in its default installation.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::scripted::{ACTIVEMQ, Peer, RABBITMQ, Stage, header, options, stage, stage_with};
use crate::{Error, State};

const UNKNOWN: &str = "ERROR\nmessage:Bad CONNECT\n\nVirtual host 'broker' access denied\n\0";

/// The next connection, whose CONNECT has this `host` header, before it is answered.
async fn asked(stage: &mut Stage, host: Option<&str>) -> Peer {
    let mut peer = stage.peer().await;
    let connect = peer.frame().await;
    assert!(connect.starts_with("CONNECT\n"), "{connect}");
    assert_eq!(header(&connect, "host"), host, "{connect}");
    peer
}

async fn accept(stage: &Stage, peer: &mut Peer, server: &str) {
    peer.say(format!("CONNECTED\nversion:1.2\nserver:{server}\nheart-beat:0,0\n\n\0\n")).await;
    stage.until(|state| matches!(state, State::Connected { .. })).await;
}

async fn closed(stage: &Stage) -> std::sync::Arc<Error> {
    match stage.until(|state| matches!(state, State::Closed { .. })).await {
        State::Closed { reason } => reason.unwrap(),
        state => panic!("{state:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_one_is_left_out_at_once_and_from_then_on() {
    let mut stage = stage();
    let since = Instant::now();
    asked(&mut stage, Some("broker")).await.say(UNKNOWN).await;
    let mut peer = asked(&mut stage, None).await;
    assert_eq!(since.elapsed(), Duration::ZERO);
    accept(&stage, &mut peer, RABBITMQ).await;
    for _ in 0..3 {
        drop(peer);
        stage.until(|state| matches!(state, State::Disconnected { .. })).await;
        peer = asked(&mut stage, None).await;
        accept(&stage, &mut peer, RABBITMQ).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_was_open_once_is_never_exchanged_for_another() {
    let mut stage = stage();
    let mut peer = asked(&mut stage, Some("broker")).await;
    accept(&stage, &mut peer, ACTIVEMQ).await;
    sleep(Duration::from_secs(11)).await;
    drop(peer);
    for _ in 0..3 {
        asked(&mut stage, Some("broker")).await.say(UNKNOWN).await;
    }
    let mut peer = asked(&mut stage, Some("broker")).await;
    accept(&stage, &mut peer, ACTIVEMQ).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_was_chosen_is_not_left_out() {
    let mut stage = stage_with(options("broker:1").virtual_host("soar"), 4096);
    asked(&mut stage, Some("soar")).await.say(UNKNOWN.replace("broker", "soar")).await;
    let reason = closed(&stage).await;
    assert!(reason.is_virtual_host() && reason.is_permanent(), "{reason}");
    assert!(reason.to_string().contains("stomp_vhost") && reason.to_string().contains("'soar'"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn where_neither_is_open_both_are_named() {
    let mut stage = stage();
    asked(&mut stage, Some("broker")).await.say(UNKNOWN).await;
    asked(&mut stage, None).await.say(UNKNOWN.replace("broker", "/")).await;
    let reason = closed(&stage).await;
    assert!(reason.is_virtual_host(), "{reason}");
    for part in ["'broker'", "'/'", "stomp_vhost"] {
        assert!(reason.to_string().contains(part), "{part}: {reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_asked_about_once() {
    let mut stage = stage();
    let mut peer = asked(&mut stage, Some("broker")).await;
    peer.say("ERROR\nmessage:Bad CONNECT\n\nAccess refused for user 'app'\n\0").await;
    assert!(closed(&stage).await.is_credentials());
    assert!(stage.dialled.try_recv().is_err());
}
