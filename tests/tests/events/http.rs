//! The HTTP listener with clients that are slow, wrong, many or foreign.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use circuits_sandbox::Status;
use circuits_tests::certs::{Authority, Flaw};
use circuits_tests::command::Place;
use circuits_tests::eventful::Eventful;
use native_tls::{Certificate, TlsConnector};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Sends a request over TLS, and returns the answer; an error if this authority is not that of the certificate.
pub(super) async fn over_tls(
    port: u16,
    authority: &Path,
    request: &str,
) -> Result<String, native_tls::Error> {
    let authority = Certificate::from_pem(&std::fs::read(authority).unwrap()).unwrap();
    let connector =
        TlsConnector::builder().disable_built_in_roots(true).add_root_certificate(authority).build();
    let connector = tokio_native_tls::TlsConnector::from(connector.unwrap());
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut stream = connector.connect("localhost", stream).await?;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    Ok(String::from_utf8(answer).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_tls_with_the_operators_certificate_and_takes_over_a_renewed_one() {
    let it = Eventful::start("tls").await;
    let folder = tempfile::tempdir().unwrap();
    let [(old, first), (new, second)] = ["old", "new"].map(|name| {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let authority = Authority::new(&place, name);
        let certificate = authority.server(Flaw::None);
        (authority.file, certificate)
    });
    let [cert, key]: [PathBuf; 2] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::copy(&first.cert, &cert).unwrap();
    std::fs::copy(&first.key, &key).unwrap();
    let runner = it.run(&format!("http_cert={}\nhttp_key={}", cert.display(), key.display())).await;
    assert!(over_tls(it.port, &old, GET).await.unwrap().starts_with("HTTP/1.1 404 "));
    assert!(over_tls(it.port, &new, GET).await.is_err());
    // Whoever speaks no TLS is told nothing, and holds up nobody.
    assert!(!it.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.contains("HTTP/1.1"));
    let silent = TcpStream::connect(("127.0.0.1", it.port)).await.unwrap();
    // Half a renewal changes nothing.
    std::fs::copy(&second.key, &key).unwrap();
    assert!(over_tls(it.port, &old, GET).await.is_ok());
    std::fs::copy(&second.cert, &cert).unwrap();
    while over_tls(it.port, &new, GET).await.is_err() {}
    assert!(over_tls(it.port, &old, GET).await.is_err());
    drop(silent);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_machine_it_wants_tls_and_an_account() {
    let place = Place::new(env!("CARGO_BIN_EXE_probe-runner"));
    let config = |more: &str| {
        let text = format!(
            "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\nhttp_port=12345\n{more}\n[probe]\n"
        );
        place.write("app.config", &text);
        place.write("cert.pem", "no certificate");
    };
    for (more, says) in [
        ("http_host=0.0.0.0", "whoever is on the way could read passwords"),
        ("http_host=soar.example.com", "http_plain=true"),
        ("http_cert=cert.pem", "http_cert is set and http_key is not"),
        ("http_cert=cert.pem\nhttp_key=key.pem", "http_cert = `"),
    ] {
        config(more);
        for arguments in [&["run"][..], &["config", "check"]] {
            place.run(arguments).is(1, &[says]);
        }
    }

    // An address of this machine by which others reach it. Nothing is sent.
    let route = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let Some(own) = route.ok().map(|own| own.ip()).filter(|own| !own.is_loopback()) else {
        return println!("skipped in part: this machine has no address but loopback");
    };
    let it = Eventful::start("beyond").await;
    let runner = it.run(&format!("subscriptions=true\nhttp_host={own}\nhttp_plain=true")).await;
    for path in ["/eventmatch", "/receive"] {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {own}\r\nHttp-Remote-User: alice\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect((own, it.port)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("circuits account add"), "{answer}");
    }
    runner.stop().await;
}
