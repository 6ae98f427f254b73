//! The sender against real servers on free ports of this machine.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use standardwebhooks::Webhook;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use url::Url;

use super::body::KEPT;
use super::{Attempt, Call, Outcome, Sender, SenderOptions, SigningKey};

/// Long enough that a test which has to wait for it has failed.
const LONG: Duration = Duration::from_secs(60);
const AGAIN: Outcome = Outcome::Again { after: None };

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

type Seen = Arc<Mutex<Vec<(Method, HeaderMap, Bytes)>>>;

/// A receiver that notes what it gets and answers `status` with a text.
async fn receiver(status: u16, text: &'static str) -> (SocketAddr, Seen) {
    async fn note(State(seen): State<Seen>, method: Method, headers: HeaderMap, body: Bytes) {
        seen.lock().unwrap().push((method, headers, body));
    }
    let seen = Seen::default();
    let answer = move |state, method, headers, body| async move {
        note(state, method, headers, body).await;
        (StatusCode::from_u16(status).unwrap(), text)
    };
    (serve(Router::new().fallback(answer).with_state(Arc::clone(&seen))).await, seen)
}

fn call(url: &Url) -> Call<'_> {
    Call {
        method: Method::POST,
        url,
        headers: Vec::new(),
        body: Some(Bytes::from_static(b"{\"a\":1}")),
        content_type: Some("application/json"),
        authorization: None,
        signature: None,
        id: "018f6a5e",
        timeout: LONG,
    }
}

fn url(place: impl std::fmt::Display) -> Url {
    Url::parse(&format!("http://{place}/hooks/s3cret?key=k3y")).unwrap()
}

fn sender() -> Sender {
    Sender::new(SenderOptions::default()).unwrap()
}

fn shows_no_secret(attempt: &Attempt) {
    let shown = format!("{attempt:?}");
    assert!(!["hooks", "s3cret", "k3y", "pw"].iter().any(|it| shown.contains(it)), "{shown}");
}

#[tokio::test]
async fn a_delivery_arrives_with_its_headers_and_its_body() {
    let (address, seen) = receiver(200, "thanks").await;
    let url = url(address);
    let headers = vec![("x-team".parse().unwrap(), "blue".parse().unwrap())];
    let authorization = Some("Bearer s3cret".to_owned().into());
    let attempt = sender().send(Call { headers, authorization, ..call(&url) }).await;
    assert_eq!((attempt.status, attempt.outcome), (Some(200), Outcome::Delivered));
    assert_eq!(attempt.text, "thanks");
    assert!(attempt.took > Duration::ZERO && attempt.took < LONG);
    let seen = seen.lock().unwrap();
    let [(method, headers, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((method, &body[..]), (&Method::POST, &b"{\"a\":1}"[..]));
    let expected = [
        ("content-type", "application/json"),
        ("authorization", "Bearer s3cret"),
        ("x-team", "blue"),
        ("webhook-id", "018f6a5e"),
        ("user-agent", concat!("circuits/", env!("CARGO_PKG_VERSION"))),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(!headers.contains_key("webhook-signature") && !headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn a_user_in_the_address_becomes_basic_authorization_unless_there_is_another() {
    let (address, seen) = receiver(200, "").await;
    let url = Url::parse(&format!("http://u:p@{address}/")).unwrap();
    let sender = sender();
    sender.send(call(&url)).await;
    sender.send(Call { authorization: Some("Bearer t".to_owned().into()), ..call(&url) }).await;
    let seen = seen.lock().unwrap();
    let values: Vec<_> = seen.iter().map(|(_, headers, _)| &headers["authorization"]).collect();
    assert_eq!(values, ["Basic dTpw", "Bearer t"]);
}

#[tokio::test]
async fn mw_13_a_get_without_a_payload_has_no_body() {
    let (address, seen) = receiver(204, "").await;
    let url = url(address);
    let attempt = sender().send(Call { method: Method::GET, body: None, ..call(&url) }).await;
    assert_eq!((attempt.status, attempt.outcome), (Some(204), Outcome::Delivered));
    assert_eq!(attempt.text, "");
    let seen = seen.lock().unwrap();
    let [(method, headers, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((method, body.len()), (&Method::GET, 0));
    for name in ["content-length", "transfer-encoding", "content-type"] {
        assert!(!headers.contains_key(name), "{headers:?}");
    }
}

#[tokio::test]
async fn mw_13_a_redirect_is_told_and_not_followed() {
    let (elsewhere, seen) = receiver(200, "").await;
    let target = format!("http://u:pw@{elsewhere}/login?ticket=s3cret");
    let answer = move || async move { (StatusCode::FOUND, [("location", target)], "s3cret") };
    let url = url(serve(Router::new().fallback(answer)).await);
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (Some(302), Outcome::Refused));
    let expected = format!("answered 302 to http://{elsewhere}/login, which is not followed");
    assert!(attempt.text.contains(&expected), "{}", attempt.text);
    shows_no_secret(&attempt);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_signed_delivery_passes_the_check_of_its_receiver() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let key = SigningKey::new(&secret.into()).unwrap();
    let (address, seen) = receiver(200, "").await;
    let url = url(address);
    let sender = sender();
    sender.send(Call { signature: Some(&key), ..call(&url) }).await;
    sender.send(Call { signature: Some(&key), body: None, ..call(&url) }).await;
    let webhook = Webhook::new(secret).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    for (_, headers, body) in &seen[..] {
        webhook.verify(body, headers).unwrap();
        assert!(webhook.verify(b"{\"a\":2}", headers).is_err());
    }
}

#[tokio::test]
async fn what_a_receiver_says_about_a_failure_is_kept() {
    let table = [
        (500, "out of\norder\u{1b}[2J", AGAIN, "out of order [2J"),
        (404, "no such hook", Outcome::Refused, "no such hook"),
        (410, "", Outcome::Refused, "answered 410 Gone"),
        (503, "", AGAIN, "answered 503 Service Unavailable"),
    ];
    for (status, said, outcome, expected) in table {
        let (address, _) = receiver(status, said).await;
        let url = url(address);
        let attempt = sender().send(call(&url)).await;
        assert_eq!((attempt.status, attempt.outcome), (Some(status), outcome));
        let expected = if said.is_empty() { format!("{address} {expected}") } else { expected.to_owned() };
        assert_eq!(attempt.text, expected);
    }
}

#[tokio::test]
async fn a_receiver_that_is_busy_says_when_to_come_back() {
    let answer = || async { (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")]) };
    let url = url(serve(Router::new().fallback(answer)).await);
    let attempt = sender().send(call(&url)).await;
    assert_eq!(attempt.outcome, Outcome::Again { after: Some(Duration::from_secs(7)) });
}

/// A server whose answer has `body`; the receiver hears when the server has dropped it.
async fn streaming<S>(
    body: impl Fn() -> S + Clone + Send + Sync + 'static,
) -> (SocketAddr, oneshot::Receiver<()>)
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let (sender, dropped) = oneshot::channel::<()>();
    let guard = Arc::new(Mutex::new(Some(sender)));
    let answer = move || async move {
        let guard = guard.lock().unwrap().take();
        let held = body().map(move |chunk| {
            let _held = &guard;
            Ok::<_, Infallible>(chunk)
        });
        Response::new(Body::from_stream(held))
    };
    (serve(Router::new().route("/{*path}", any(answer))).await, dropped)
}

#[tokio::test]
async fn an_answer_without_end_is_cut_and_its_connection_closed() {
    let (address, dropped) = streaming(|| stream::repeat(Bytes::from(vec![b'x'; 16 * 1024]))).await;
    let url = url(address);
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (Some(200), Outcome::Delivered));
    assert_eq!(attempt.text, "x".repeat(KEPT));
    assert!(attempt.took < LONG, "{:?}", attempt.took);
    assert!(dropped.await.is_err(), "the server went on sending");
}

#[tokio::test]
async fn an_answer_that_trickles_ends_with_the_time_and_counts_by_its_status() {
    let (address, dropped) = streaming(|| stream::iter([Bytes::from("a")]).chain(stream::pending())).await;
    let url = url(address);
    let attempt = sender().send(Call { timeout: Duration::from_millis(500), ..call(&url) }).await;
    assert_eq!((attempt.status, attempt.outcome), (Some(200), Outcome::Delivered));
    assert_eq!(attempt.text, "a");
    assert!(dropped.await.is_err());
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_left_when_the_time_is_up() {
    // The system takes the connection; nobody here ever reads from it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let url = url(address);
    let attempt = sender().send(Call { timeout: Duration::from_millis(50), ..call(&url) }).await;
    assert_eq!((attempt.status, attempt.outcome), (None, AGAIN));
    assert_eq!(attempt.text, format!("{address} did not answer: timed out after 50 ms"));
    assert!(attempt.took >= Duration::from_millis(50) && attempt.took < LONG, "{:?}", attempt.took);
}

#[tokio::test]
async fn a_refused_connection_is_told_by_host_and_port() {
    // A port that is bound and does not listen refuses, and nobody else can take it meanwhile.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    let url = Url::parse(&format!("http://u:pw@{address}/hooks/s3cret?key=k3y")).unwrap();
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (None, AGAIN));
    assert!(attempt.text.starts_with(&format!("{address}: connection refused")), "{}", attempt.text);
    shows_no_secret(&attempt);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_by_host_and_port() {
    // No name may have so long a part, so that the answer does not depend on a name server.
    let url = url(format!("{}.example.com:8080", "a".repeat(64)));
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (None, AGAIN));
    assert!(attempt.text.contains("aaa.example.com:8080: name not found"), "{}", attempt.text);
    shows_no_secret(&attempt);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    let url = url(address);
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (None, AGAIN));
    assert!(attempt.text.starts_with(&format!("{address} broke the connection")), "{}", attempt.text);
    shows_no_secret(&attempt);
}

#[tokio::test]
async fn https_to_a_port_without_tls_is_told() {
    let (address, seen) = receiver(200, "").await;
    let mut url = url(address);
    url.set_scheme("https").unwrap();
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (None, AGAIN));
    assert!(attempt.text.starts_with(&format!("{address} does not speak TLS")), "{}", attempt.text);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_address_is_not_called() {
    let url = url("0xa9fea9fe");
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (None, Outcome::Refused));
    assert!(attempt.text.starts_with("169.254.169.254:80: "), "{}", attempt.text);
    shows_no_secret(&attempt);
}

#[tokio::test]
async fn a_name_of_this_machine_is_called() {
    let (address, seen) = receiver(200, "").await;
    let url = url(format!("localhost:{}", address.port()));
    assert_eq!(sender().send(call(&url)).await.outcome, Outcome::Delivered);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn only_http_and_https_are_called() {
    let url = Url::parse("ftp://h.example.com/s3cret").unwrap();
    let attempt = sender().send(call(&url)).await;
    assert_eq!((attempt.status, attempt.outcome), (None, Outcome::Refused));
    assert!(attempt.text.contains("must begin with http or https, not ftp"), "{}", attempt.text);
    shows_no_secret(&attempt);
}
