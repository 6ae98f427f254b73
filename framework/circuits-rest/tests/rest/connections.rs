//! How many connections calls take, and which protocol is spoken on them.

use std::sync::Arc;

use crate::support::{Answer, Authority, Peer, Seen, login, reply, reply_with};
use circuits_rest::{Client, Options, Verify};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Barrier, task::JoinSet};

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection() {
    let peer = Peer::platform(|seen| match seen.method.as_str() {
        "POST" => reply(400, json!({"message": "no"})),
        "DELETE" => reply(204, Value::Null),
        _ => reply_with(200, &[("Content-Type", "application/json")], json!({"id": 1})),
    })
    .await;
    let client = peer.connect().await;
    for n in 0..10 {
        // Handles and refusals make no difference.
        let rest = client.with_token(Some(&format!("token-{n}")));
        rest.get::<Value>("/a").await.unwrap();
        rest.put::<_, Value>("/a", &json!({"n": n})).await.unwrap();
        rest.post::<_, Value>("/a", &json!({})).await.unwrap_err();
        rest.delete::<()>("/a").await.unwrap();
    }
    assert_eq!((peer.seen().len(), peer.accepted()), (42, 1));
}

/// A platform that speaks HTTP/2, if the client offers it. It answers no call before `together` of them are there at once.
async fn http2(
    authority: &Authority,
    together: usize,
) -> (u16, JoinSet<()>, Arc<std::sync::atomic::AtomicUsize>) {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    let (cert, key) = authority.issue("localhost", false);
    let identity = native_tls::Identity::from_pkcs8(cert.as_bytes(), key.as_bytes()).unwrap();
    let acceptor =
        native_tls::TlsAcceptor::builder(identity).accept_alpn(&["h2", "http/1.1"]).build().unwrap();
    let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (accepted, barrier, mut tasks) =
        (Arc::<AtomicUsize>::default(), Arc::new(Barrier::new(together)), JoinSet::new());
    let count = accepted.clone();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, SeqCst);
            let stream = acceptor.accept(stream).await.unwrap();
            assert_eq!(stream.get_ref().negotiated_alpn().unwrap().as_deref(), Some(&b"h2"[..]));
            let barrier = barrier.clone();
            connections.spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                let mut calls = JoinSet::new();
                while let Some(Ok((request, respond))) = connection.accept().await {
                    calls.spawn(answer(request, respond, barrier.clone()));
                }
            });
        }
    });
    (port, tasks, accepted)
}

async fn answer(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<bytes::Bytes>,
    barrier: Arc<Barrier>,
) {
    let seen = Seen {
        method: request.method().to_string(),
        path: request.uri().path_and_query().unwrap().to_string(),
        headers: Default::default(),
        body: Vec::new(),
    };
    let body = match login(&seen) {
        Some(Answer::Reply { body, .. }) => body,
        _ => {
            barrier.wait().await;
            let token = request.headers().get("x-co3contexttoken").map(|token| token.to_str().unwrap());
            json!({"path": seen.path, "token": token, "basic": request.headers().contains_key("authorization")})
                .to_string()
                .into_bytes()
        }
    };
    let mut stream = respond.send_response(http::Response::new(()), false).unwrap();
    stream.send_data(body.into(), true).unwrap();
}

#[tokio::test]
async fn http_2_is_negotiated_and_carries_all_calls_at_once_on_one_connection() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    let (port, _tasks, accepted) = http2(&authority, 50).await;
    let options = Options::new("localhost", port)
        .credentials(crate::support::api_key())
        .verify(Verify::CaFile(ca))
        .org(Some("Test Organization".into()))
        .login_tries(Some(1));
    let client = Client::connect(options).await.unwrap();
    let mut calls = JoinSet::new();
    for n in 0..50 {
        let rest = client.with_token(Some(&format!("token-{n}")));
        calls.spawn(async move {
            let got: Value = rest.get(&format!("/incidents/{n}")).await.unwrap();
            let path = format!("/rest/orgs/201/incidents/{n}");
            assert_eq!(got, json!({"path": path, "token": format!("token-{n}"), "basic": true}));
        });
    }
    calls.join_all().await;
    assert_eq!(
        accepted.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "login and 50 calls share one connection"
    );
}
