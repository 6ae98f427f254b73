//! The HTTP listener with clients that are slow, wrong, many or foreign.

use circuits_sandbox::Status;
use circuits_tests::eventful::Eventful;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use circuits_events as _;
use circuits_http as _;

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_get_a_refusal_and_the_listener_goes_on() {
    let it = Eventful::start("wrong requests").await;
    let runner = it.run("subscriptions=true").await;
    let host = "Host: localhost\r\nConnection: close\r\n";
    let large = "x".repeat(64 * 1024);
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "y".repeat(1 << 20));
    let chunked =
        format!("POST /receive HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    for (request, status) in [
        ("not http\r\n\r\n".to_owned(), "400"),
        (format!("GET /eventmatch HTTP/1.1\r\n{host}X-Large: {large}\r\n\r\n"), "431"),
        (format!("POST /receive HTTP/1.1\r\n{host}Content-Length: 9999999\r\n\r\n"), "413"),
        (chunked, "413"),
        (
            format!(
                "POST /eventmatch HTTP/1.1\r\n{host}Http-Remote-User: \u{e4}\r\nContent-Length: 0\r\n\r\n"
            ),
            "401",
        ),
        (format!("GET /tmp/x HTTP/1.1\r\n{host}\r\n"), "404"),
        (format!("GET /eventmatch/%00 HTTP/1.1\r\n{host}Http-Remote-User: a\r\n\r\n"), "400"),
        ("GET /eventmatch HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n".to_owned(), "421"),
        (format!("GET /eventmatch HTTP/1.1\r\n{host}Origin: https://evil.example.com\r\n\r\n"), "403"),
    ] {
        let answer = it.raw(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{:.80}: {answer}", request);
    }
    // A client that goes away in the middle of a body.
    let mut gone = TcpStream::connect(("127.0.0.1", it.port)).await.unwrap();
    gone.write_all(b"POST /receive HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
        .await
        .unwrap();
    drop(gone);
    assert_eq!(it.http("GET", "/eventmatch", "alice", b"").await.0, 200);
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_that_say_nothing_keep_out_nobody_for_long_and_no_action() {
    let it = Eventful::start("silent clients").await;
    let runner = it.run("subscriptions=true").await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(("127.0.0.1", it.port)).await.unwrap());
    }
    assert_eq!(it.http("GET", "/eventmatch", "alice", b"").await.0, 200);
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    // They do not hold up the end either.
    runner.stop().await;
    drop(silent);
}
