//! Connecting: log-in, refusals with ActiveMQ's texts, limits, heart-beats.

use crate::support::{Stomp, soon, unescape};
use circuits_sandbox::Sandbox;

async fn start() -> Sandbox {
    Sandbox::builder().destination("work").start().await.unwrap()
}

#[tokio::test]
async fn both_accounts_log_in_and_get_a_full_connected() {
    let sandbox = start().await;
    let credentials = sandbox.credentials();
    for (login, passcode) in
        [(&credentials.api_key_id, &credentials.api_key_secret), (&credentials.email, &credentials.password)]
    {
        let (_stomp, frame) = Stomp::log_in(&sandbox, login, passcode, "1000,15000").await;
        assert_eq!(frame.command, "CONNECTED");
        assert_eq!((frame.get("version"), frame.get("heart-beat")), ("1.2", "15000,1000"));
        assert!(frame.get("server").starts_with("sandbox/"));
        assert!(!frame.get("session").is_empty());
    }
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_refused_and_the_connection_closed() {
    let sandbox = start().await;
    let (mut stomp, error) = Stomp::log_in(&sandbox, "app", "wrong", "0,0").await;
    assert_eq!(error.command, "ERROR");
    assert_eq!(error.get("message"), "User name [app] or password is invalid.");
    assert_eq!(stomp.closed().await, []);
    let mut stomp = Stomp::open(&sandbox).await.unwrap();
    stomp.send("CONNECT\naccept-version:1.2\nhost:x\n\n\0").await;
    assert_eq!(stomp.frame().await.get("message"), "User name [null] or password is invalid.");
}

#[tokio::test]
async fn frames_out_of_turn_or_shape_are_refused_and_the_connection_closed() {
    let sandbox = start().await;
    let connect = |extra: &str| {
        let credentials = sandbox.credentials();
        let (id, secret) = (credentials.api_key_id, credentials.api_key_secret);
        format!("CONNECT\nhost:x\nlogin:{id}\npasscode:{secret}\n{extra}\n\0")
    };
    let after = |frame: &str| format!("{}{frame}", connect("accept-version:1.2\n"));
    let long = format!("SEND\ndestination:a\nx:{}\n\nb\0", "y".repeat(11_000));
    let many = format!("SEND\n{}\nb\0", "a:b\n".repeat(1_002));
    for (wire, text) in [
        ("SEND\ndestination:a\n\nb\0".to_owned(), "Not connected."),
        (connect("accept-version:1.1\n"), "Invalid Protocol version[1.1], supported versions are: [1.2]"),
        (connect("accept-version:1.2\nheart-beat:abc\n"), "Invalid heart-beat header:abc"),
        (after(&connect("accept-version:1.2\n")), "Already connected."),
        (after("FOO\n\n\0"), "Unknown STOMP action: FOO"),
        (after(&long), "The maximum header length was exceeded"),
        (after(&many), "The maximum number of headers was exceeded"),
        (after("SEND\ncontent-length:104857601\n\n"), "The maximum data length was exceeded"),
        (
            after("SEND\ndestination:a\ncontent-length:1\n\nab\0"),
            "content-length bytes were read and there was no trailing null byte",
        ),
        (after("SEND\nno colon\n\nb\0"), "Unable to parse header line [no colon]"),
    ] {
        let mut stomp = Stomp::open(&sandbox).await.unwrap();
        stomp.send(&wire).await;
        let mut frames = stomp.closed().await;
        let error = frames.pop().unwrap();
        assert_eq!((error.command.as_str(), unescape(error.get("message"))), ("ERROR", text.to_owned()));
    }
}

#[tokio::test]
async fn what_a_user_may_not_do_is_an_error_and_the_connection_stays_usable() {
    let sandbox = start().await;
    let id = sandbox.credentials().api_key_id;
    let mut stomp = Stomp::connect(&sandbox).await;
    sandbox.allow("work", false).unwrap();
    for (frame, text) in [
        (
            "SUBSCRIBE\nid:1\ndestination:actions.201.nowhere\nreceipt:r\n\n\0",
            format!("User {id} is not authorized to read from: queue://actions.201.nowhere"),
        ),
        (
            "SUBSCRIBE\nid:1\ndestination:/queue/actions.201.work\nreceipt:r\n\n\0",
            format!("User {id} is not authorized to read from: queue://actions.201.work"),
        ),
        (
            "SUBSCRIBE\nid:1\ndestination:actions.202.work\nreceipt:r\n\n\0",
            format!("User {id} is not authorized to read from: queue://actions.202.work"),
        ),
        (
            "SEND\ndestination:/queue/actions.201.work\nreceipt:r\n\nx\0",
            format!("User {id} is not authorized to write to: queue://actions.201.work"),
        ),
        ("SUBSCRIBE\nid:1\nreceipt:r\n\n\0", "Invalid empty or 'null' Destination header".to_owned()),
        ("SEND\nreceipt:r\n\nx\0", "SEND received without a Destination specified!".to_owned()),
        ("ACK\nreceipt:r\n\n\0", "ACK received without a ack id for acknowledge!".to_owned()),
    ] {
        stomp.send(frame).await;
        let error = stomp.frame().await;
        assert_eq!((error.command.as_str(), unescape(error.get("message"))), ("ERROR", text));
        assert_eq!(error.get("receipt-id"), "r");
    }
    sandbox.allow("work", true).unwrap();
    assert_eq!(stomp.subscribe("actions.201.work", "").await, []);
    stomp.send("SUBSCRIBE\nid:actions.201.work\ndestination:actions.201.work\n\n\0").await;
    assert!(stomp.frame().await.get("message").starts_with("Already subscribed"));
}

#[tokio::test]
async fn heart_beats_come_as_negotiated() {
    let sandbox = start().await;
    let credentials = sandbox.credentials();
    let (mut stomp, frame) =
        Stomp::log_in(&sandbox, &credentials.api_key_id, &credentials.api_key_secret, "0,50").await;
    assert_eq!(frame.get("heart-beat"), "50,0");
    stomp.buffer.clear();
    while stomp.buffer.len() < 3 {
        assert_ne!(soon("a heart-beat", stomp.read()).await, 0);
    }
    assert_eq!(&stomp.buffer[..3], b"\n\n\n");
}

#[tokio::test]
async fn a_client_that_falls_silent_is_cut_off_without_a_word() {
    let sandbox = start().await;
    let credentials = sandbox.credentials();
    let (mut stomp, _) =
        Stomp::log_in(&sandbox, &credentials.api_key_id, &credentials.api_key_secret, "20,0").await;
    assert_eq!(stomp.closed().await, []);
}
