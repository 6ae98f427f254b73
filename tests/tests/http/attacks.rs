//! What attackers send by hand: requests that hide others, lie about their length, leave the folder, or are not requests at all. None
//! gets more than a refusal, and the runner goes on.

use circuits_sandbox::Status;
use circuits_tests::eventful::{Eventful, basic};
use circuits_tests::probe::PROBE;

use circuits_page as _;

/// The statuses of all answers that come back for these bytes.
async fn statuses(it: &Eventful, bytes: &str) -> Vec<u16> {
    let answer = it.raw(bytes.as_bytes()).await;
    let lines = answer.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_hide_another_or_lie_about_themselves_get_a_refusal() {
    let it = Eventful::start("attacks").await;
    let runner = it.run_with(&[&PROBE], "").await;
    it.account("ann", &["manage"]).await;
    let (name, value) = basic("ann");
    let me = format!("{name}: {value}\r\n");
    let hidden = "GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let length = hidden.len();
    let post = "POST /api/v1/destinations/probe/pause HTTP/1.1\r\nHost: localhost\r\n";
    for (what, bytes, allowed) in [
        // RFC 9112, 6.1: refused, or read as chunked and the connection closed; in no case is what follows a request.
        (
            "both lengths",
            format!(
                "{post}{me}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
            ),
            &[&[400][..], &[200]][..],
        ),
        (
            "two lengths",
            format!("{post}{me}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
            &[&[400]],
        ),
        ("a length that is none", format!("{post}{me}Content-Length: +{length}\r\n\r\n{hidden}"), &[&[400]]),
        (
            "an odd coding",
            format!("{post}{me}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
            &[&[400]],
        ),
        ("a blank before the colon", format!("{post}Authorization : {value}\r\n\r\n"), &[&[400]]),
        ("a folded line", format!("{post}Authorization:\r\n {value}\r\n\r\n"), &[&[400], &[401]]),
        ("two callers", format!("{post}{me}{me}Connection: close\r\n\r\n"), &[&[401]]),
        (
            "a bare line feed",
            format!("{post}X: a\nAuthorization: {value}\r\nConnection: close\r\n\r\n"),
            &[&[400], &[200]],
        ),
        ("a zero byte", format!("{post}X: a\0b\r\n{me}\r\n"), &[&[400]]),
        (
            "another host",
            "GET /api/v1/me HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned(),
            &[&[421]],
        ),
        (
            "a whole URL",
            "GET http://evil.example/api/v1/me HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
                .to_owned(),
            &[&[421]],
        ),
        (
            "another site's page",
            format!("{post}{me}Origin: https://evil.example\r\nConnection: close\r\n\r\n"),
            &[&[403]],
        ),
        (
            "a tunnel",
            "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
            &[&[400], &[401], &[404], &[405]],
        ),
        ("no request", "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(), &[&[400]]),
        (
            "a head without end",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024)),
            &[&[431]],
        ),
        (
            "too many headers",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(200)),
            &[&[431]],
        ),
    ] {
        let got = statuses(&it, &bytes).await;
        assert!(allowed.contains(&&got[..]), "{what}: {got:?}");
    }
    // Nothing outside is a file of the page, however the path is written.
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/....//....//etc/passwd",
        "/assets/../../etc/passwd",
        "//etc/passwd",
        "/index.html%00.css",
        "/\\..\\..\\etc\\passwd",
        "/.git/config",
        "/app.config",
    ] {
        let (status, text) = it.http("GET", path, "", b"").await;
        assert!([400, 404].contains(&status) && !text.contains("root:"), "{path}: {status} {text}");
    }
    let (header, value) = basic("ann");
    let (status, page) = it.http_with("GET", "/", &[(header, &value)], b"").await;
    assert!(status == 200 && page.contains("<!doctype html>"), "{status} {page}");
    // Two of the requests above may have paused the destination: their caller had the right, and said so clearly enough.
    it.http_with("POST", "/api/v1/destinations/probe/resume", &[(header, &value)], b"").await;
    assert!(it.fire("Echo").await.2 == Status::Completed);
    runner.stop().await;
}
