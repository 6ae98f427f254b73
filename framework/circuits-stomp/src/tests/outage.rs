//! A broker that goes away for seconds or days and comes back.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::scripted::{ACTIVEMQ, Peer, Stage, options, stage, stage_with};
use crate::State;

/// Between the opening of a port and the broker's receipt for the subscription.
const BACK: Duration = Duration::from_secs(2);

/// Lets the broker accept the session and its subscription again; returns how long that took.
async fn back(stage: &mut Stage) -> (Duration, Peer) {
    let since = Instant::now();
    let mut peer = stage.peer().await;
    peer.accept(ACTIVEMQ, "0,0").await;
    peer.subscribed("q").await;
    stage.until(|state| matches!(state, State::Connected { subscriptions: 1, .. })).await;
    (since.elapsed(), peer)
}

#[tokio::test(start_paused = true)]
async fn after_any_outage_it_is_subscribed_again_within_two_seconds_of_the_opening() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    for outage in [1.0, 2.5, 4.4, 28.3, 60.0, 3599.7, 86_400.0] {
        stage.closed_ports.close("broker");
        drop(peer);
        sleep(Duration::from_secs_f64(outage)).await;
        let asked = stage.closed_ports.open("broker") as f64;
        assert!((outage.floor()..=2.0 * outage).contains(&asked), "asked {asked} times in {outage} s");
        let took;
        (took, peer) = back(&mut stage).await;
        assert!(took < BACK, "{took:?} after {outage} s");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_before_a_port_closes_are_forgotten() {
    let mut stage = stage();
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    drop(peer);
    for _ in 0..8 {
        drop(stage.peer().await);
    }
    stage.closed_ports.close("broker");
    sleep(Duration::from_secs(60)).await;
    assert!(stage.closed_ports.open("broker") >= 30);
    let (took, _peer) = back(&mut stage).await;
    assert!(took < BACK, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stand_by_is_found_while_another_host_refuses() {
    let mut stage = stage_with(options("first:1,second:2"), 4096);
    stage.closed_ports.close("second");
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    drop(peer);
    for _ in 0..7 {
        let (host, _) = stage.dialled.recv().await.unwrap();
        assert_eq!(host.name, "first");
    }
    sleep(Duration::from_secs(3)).await;
    let asked = stage.closed_ports.open("second");
    assert!(asked >= 30, "{asked}");
    let since = Instant::now();
    let (host, mut peer) = stage.dialled.recv().await.unwrap();
    assert_eq!(host.name, "second");
    peer.accept(ACTIVEMQ, "0,0").await;
    peer.subscribed("q").await;
    assert!(since.elapsed() < BACK, "{:?}", since.elapsed());
}
