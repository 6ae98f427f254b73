//! Heart-beats in both directions, and reading that never waits for writing.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::scripted::{ACTIVEMQ, Peer, Stage, options, outgoing, stage, stage_with};
use crate::State;

/// A connection whose heart-beats are agreed at 10 s (ours) and 20 s (the broker's).
async fn beating() -> (Stage, Peer) {
    let second = Duration::from_secs(1);
    let mut stage = stage_with(options("broker:1").heart_beat(10 * second, 15 * second), 4096);
    let mut peer = stage.peer().await;
    let connect = peer.accept(ACTIVEMQ, "20000,5000").await;
    assert!(connect.contains("\nheart-beat:10000,15000\n"), "{connect}");
    stage.until(|state| matches!(state, State::Connected { .. })).await;
    (stage, peer)
}

#[tokio::test(start_paused = true)]
async fn a_beat_goes_out_when_nothing_else_did() {
    let (stage, mut peer) = beating().await;
    let since = Instant::now();
    let beats = tokio::spawn(async move {
        let mut times = Vec::new();
        while times.len() < 3 {
            assert_eq!(peer.io.read_u8().await.unwrap(), b'\n');
            times.push(since.elapsed().as_secs());
            // Keeps the other direction alive.
            peer.io.write_all(b"\n").await.unwrap();
        }
        (times, peer)
    });
    let (times, mut peer) = beats.await.unwrap();
    assert_eq!(times, [10, 20, 30]);
    tokio::time::sleep(Duration::from_secs(4)).await;
    stage.session.post(outgoing("acks", "x"));
    assert!(peer.frame().await.starts_with("SEND\n"));
    assert_eq!(peer.io.read_u8().await.unwrap(), b'\n');
    assert_eq!(since.elapsed().as_secs(), 44, "ten seconds after the last write, whatever it was");
}

/// Replies that wait for the broker's receipts, and receipts that release nothing, write nothing: the session must
/// not count them as a sign of life that it gave.
#[tokio::test(start_paused = true)]
async fn what_writes_nothing_does_not_put_off_the_beat() {
    let (stage, mut peer) = beating().await;
    // The broker does not answer the first two, so every further one is held back.
    let mut sends = Vec::new();
    for _ in 0..2 {
        sends.push(stage.send("acks", "x"));
        assert!(peer.frame().await.starts_with("SEND\n"));
    }
    let since = Instant::now();
    for second in 1..=35 {
        tokio::time::sleep_until(since + Duration::from_secs(second)).await;
        sends.push(stage.send("acks", "x"));
        peer.say("\n").await;
    }
    assert_eq!(peer.arrived().await, b"\n\n\n", "a beat each ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_is_dead_after_two_intervals() {
    let (stage, mut peer) = beating().await;
    let since = Instant::now();
    let state = stage.until(|state| matches!(state, State::Disconnected { .. })).await;
    assert_eq!(since.elapsed().as_secs(), 40);
    let State::Disconnected { reason, retry_in } = state else { panic!("{state:?}") };
    assert!(reason.to_string().contains("broker:1: no sign of life for 40s"), "{reason}");
    assert!(retry_in <= Duration::from_secs(1));
    // The beat at 40 s may or may not win against the end.
    assert!(peer.rest().await.starts_with(b"\n\n\n"), "we did our part meanwhile");
}

#[tokio::test(start_paused = true)]
async fn any_byte_is_a_sign_of_life() {
    let (stage, mut peer) = beating().await;
    // A frame that trickles in, one byte every 39 seconds.
    for byte in *b"RECEIPT\nreceipt-id:0" {
        peer.io.write_all(&[byte]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(39)).await;
    }
    assert!(matches!(*stage.session.state().borrow(), State::Connected { epoch: 1, .. }));
}

#[tokio::test(start_paused = true)]
async fn without_heart_beats_silence_is_fine() {
    let mut stage = stage();
    let _peer = stage.connected(ACTIVEMQ).await;
    tokio::time::sleep(Duration::from_secs(7 * 24 * 3600)).await;
    assert!(matches!(*stage.session.state().borrow(), State::Connected { epoch: 1, .. }));
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_while_a_write_is_stuck() {
    let mut stage = stage_with(options("broker:1"), 256);
    let mut peer = stage.connected(ACTIVEMQ).await;
    stage.subscribe(&mut peer).await;
    let big: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    let stuck = stage.send("acks", big);
    // The broker writes a thousand messages before it reads a byte: many times what the pipe holds.
    for number in 0..1000 {
        peer.deliver(&number.to_string()).await;
    }
    let mut got = Vec::new();
    while got.len() < 1000 {
        stage.deliveries.recv_many(&mut got, 300).await;
    }
    assert!(got.iter().enumerate().all(|(n, delivery)| delivery.headers.get("ack") == Some(&n.to_string())));
    assert!(!stuck.is_finished());
    let frame = peer.frame().await;
    assert!(frame.ends_with(big));
    peer.confirm(&frame).await;
    stuck.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_word_of_a_broker_that_stopped_reading_is_heard() {
    let mut stage = stage_with(options("broker:1"), 256);
    let mut peer = stage.connected(ACTIVEMQ).await;
    let big: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    let sent = stage.send("acks", big);
    assert_eq!(peer.io.read_u8().await.unwrap(), b'S');
    peer.say("ERROR\nmessage:The maximum data length was exceeded\n\n\0").await;
    drop(peer);
    let error = sent.await.unwrap().unwrap_err();
    assert!(error.is_lost() && error.to_string().contains("maximum data length"), "{error}");
}
