//! The way to the platform: proxies from the options and from the environment, and client certificates.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crate::support::{Answer, Peer, Seen, login, reply};
use circuits_rest::{Client, Options, Proxy, Verify};
use openssl::{
    pkey::PKey,
    ssl::{SslAcceptor, SslConnector, SslMethod, SslOptions, SslVerifyMode, SslVersion},
    x509::{X509, store::X509StoreBuilder},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// An HTTP proxy that tunnels and remembers what it was asked.
struct Tunnel {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Tunnel {
    /// `refuse` is an answer to give instead of a tunnel.
    async fn start(refuse: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, mut tasks) = (asked.clone(), JoinSet::new());
        tasks.spawn(async move {
            let mut tunnels = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                tunnels.spawn(tunnel(stream, log.clone(), refuse));
            }
        });
        Self { port, asked, _tasks: tasks }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn tunnel(mut stream: TcpStream, log: Arc<Mutex<Vec<String>>>, refuse: Option<&'static str>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    log.lock().unwrap().push(head.clone());
    if let Some(answer) = refuse {
        stream.write_all(answer.as_bytes()).await.unwrap();
        return;
    }
    // Whatever name was asked for, the peer is on loopback.
    let target = head.split(' ').nth(1).unwrap().rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    let mut onward = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
}

#[tokio::test]
async fn a_configured_proxy_gets_its_credentials_and_sees_no_request() {
    let (peer, proxy) = (Peer::platform(|_| reply(200, json!({}))).await, Tunnel::start(None).await);
    let with = Proxy::new("http://localhost", proxy.port).credentials("user", "proxy-pass".to_owned().into());
    Client::connect(peer.options().proxy(with)).await.unwrap();
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "one tunnel serves all requests");
    assert!(asked[0].starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", peer.port)), "{asked:?}");
    assert!(
        asked[0].to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpwcm94es1wyxnz\r\n"),
        "{asked:?}"
    );
    assert!(!asked[0].contains("rest/session"));
    assert!(peer.seen().iter().all(|seen| seen.header("proxy-authorization").is_none()));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let peer = Peer::platform(|_| reply(200, json!({}))).await;
    let proxy = Tunnel::start(Some("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")).await;
    let with = Proxy::new("http://localhost", proxy.port).credentials("user", "proxy-pass".to_owned().into());
    let error = Client::connect(peer.options().proxy(with)).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        error.is_connection() && error.is_proxy() && text.contains("does not accept the login (407)"),
        "{text}"
    );
    assert!(
        text.contains("correct `proxy_user` and `proxy_password`") && !text.contains("proxy-pass"),
        "{text}"
    );
    let proxy = Tunnel::start(Some("HTTP/1.1 403 Forbidden\r\n\r\n")).await;
    let error =
        Client::connect(peer.options().proxy(Proxy::new("http://localhost", proxy.port))).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("refused to connect to localhost:{}", peer.port)), "{text}");
    assert_eq!(peer.seen().len(), 0);
}

/// The error for a proxy that is written without its scheme although it speaks plain HTTP. Without an `answer` the proxy waits
/// for more of what it takes for a request.
async fn without_scheme(answer: Option<&[u8]>) -> circuits_rest::Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options::new("localhost", 9)
        .credentials(crate::support::api_key())
        .login_tries(Some(1))
        .proxy(Proxy::new("localhost", port));
    let connecting = tokio::spawn(Client::connect(options));
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap();
    match answer {
        Some(answer) => stream.write_all(answer).await.unwrap(),
        // Once the handshake has begun, the clock runs ahead.
        None => tokio::time::pause(),
    }
    let error = connecting.await.unwrap().unwrap_err();
    assert!(error.is_proxy(), "{error:?}");
    assert!(error.message().contains(&format!("the proxy https://localhost:{port} (proxy_host)")), "{error}");
    assert!(error.hints()[0].contains("write proxy_host=http://localhost"), "{error}");
    error
}

#[tokio::test]
async fn a_plain_proxy_that_is_spoken_to_in_tls_is_named_with_the_cure() {
    let error = without_scheme(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    assert!(error.is_tls() && !error.is_certificate(), "{error:?}");
    assert!(error.message().ends_with("does not speak TLS"), "{error}");
    assert!(!error.to_string().contains("`host`"), "host and port are right: {error}");
    let error = without_scheme(None).await;
    assert!(error.is_connection() && error.message().starts_with("no connection through"), "{error:?}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_not_supported_is_named() {
    let options = || {
        Options::new("localhost", 9)
            .credentials(crate::support::api_key())
            .retry(crate::support::quick())
            .login_tries(Some(1))
    };
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = Client::connect(options().proxy(Proxy::new("http://localhost", free))).await.unwrap_err();
    assert!(error.is_proxy() && error.message().contains("(proxy_host) cannot be reached"), "{error}");
    assert!(error.to_string().contains("check `proxy_host` and `proxy_port`"), "{error}");
    let error = Client::connect(options().proxy(Proxy::new("socks5://localhost", 1080))).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("proxy_host=http://localhost"), "{error}");
}

/// The part of `the_environment_decides_about_proxies` that runs in a process with that environment.
#[tokio::test]
async fn child() {
    let Ok(port) = std::env::var("CIRCUITS_TEST_PEER") else { return };
    let options = Options::new("localhost", port.parse().unwrap())
        .credentials(crate::support::api_key())
        .verify(Verify::CaFile(PathBuf::from(std::env::var("CIRCUITS_TEST_CA").unwrap())))
        .org(Some("Test Organization".into()))
        .login_tries(Some(1));
    let options = match std::env::var("CIRCUITS_TEST_PROXY") {
        Ok(port) => options.proxy(Proxy::new("http://127.0.0.1", port.parse().unwrap())),
        Err(_) => options,
    };
    Client::connect(options).await.unwrap();
}

#[tokio::test]
async fn the_environment_decides_about_proxies() {
    // Environment, whether a proxy is configured too, and the tunnels that the environment's and the configured one see.
    let table = [
        (vec![("HTTPS_PROXY", "env")], false, (1, 0)),
        (vec![("https_proxy", "env")], true, (1, 0)),
        (vec![("ALL_PROXY", "env")], true, (1, 0)),
        (vec![("HTTP_PROXY", "env")], true, (0, 1)),
        (vec![("HTTPS_PROXY", "")], true, (0, 1)),
        (vec![("HTTPS_PROXY", "env"), ("NO_PROXY", "localhost")], false, (0, 0)),
        (vec![("HTTPS_PROXY", "env"), ("NO_PROXY", "host")], false, (1, 0)),
        (vec![("HTTPS_PROXY", "env"), ("NO_PROXY", "localhost.example.com, cal")], false, (1, 0)),
        (vec![("NO_PROXY", "other, localhost")], true, (0, 0)),
        (vec![("no_proxy", "*")], true, (0, 0)),
        (vec![("NO_PROXY", "host")], true, (0, 1)),
        (vec![("HTTPS_PROXY", "env"), ("NO_PROXY", "*.localhost")], false, (0, 0)),
        (vec![("HTTPS_PROXY", "env"), ("NO_PROXY", "localhost:PORT")], false, (0, 0)),
        (vec![("HTTPS_PROXY", "env"), ("NO_PROXY", "localhost:1")], false, (1, 0)),
        (vec![("NO_PROXY", "localhost:PORT")], true, (0, 0)),
        (vec![("NO_PROXY", "127.0.0.0/8")], true, (0, 1)),
    ];
    let peer = Peer::platform(|_| reply(200, json!({}))).await;
    for (environment, configured, expected) in table {
        let (env, config) = (Tunnel::start(None).await, Tunnel::start(None).await);
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
            child.env_remove(name).env_remove(name.to_ascii_lowercase());
        }
        for (name, value) in &environment {
            let address = format!("http://127.0.0.1:{}", env.port);
            let value = value.replace("PORT", &peer.port.to_string());
            child.env(name, if value == "env" { address } else { value });
        }
        if configured {
            child.env("CIRCUITS_TEST_PROXY", config.port.to_string());
        }
        child.env("CIRCUITS_TEST_PEER", peer.port.to_string()).env("CIRCUITS_TEST_CA", peer.cafile());
        let output = child.args(["--exact", "network::child"]).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{environment:?}: {text}");
        assert_eq!(
            (env.asked().len(), config.asked().len()),
            expected,
            "{environment:?} configured: {configured}"
        );
    }
}

/// A platform on a thread of its own, with TLS that `configure` has the last word on (native-tls servers leave it none).
fn platform(
    authority: &crate::support::Authority,
    configure: impl FnOnce(&mut openssl::ssl::SslAcceptorBuilder),
) -> u16 {
    let (cert, key) = authority.issue("localhost", false);
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_certificate(&X509::from_pem(cert.as_bytes()).unwrap()).unwrap();
    builder.set_private_key(&PKey::private_key_from_pem(key.as_bytes()).unwrap()).unwrap();
    configure(&mut builder);
    let acceptor = builder.build();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut raw = stream.try_clone().unwrap();
            let Ok(stream) = acceptor.accept(stream) else {
                // In TLS 1.3 the client has sent its request by now. Unread, it would turn the alert into a reset.
                let _ = raw.shutdown(std::net::Shutdown::Write);
                let _ = std::io::copy(&mut raw, &mut std::io::sink());
                continue;
            };
            let mut stream = BufReader::new(stream);
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap_or(0) > 0 {}
                let mut parts = head.split(' ');
                let (Some(method), Some(path)) = (parts.next(), parts.next()) else { break };
                let seen = Seen {
                    method: method.into(),
                    path: path.into(),
                    headers: Default::default(),
                    body: Vec::new(),
                };
                let Some(Answer::Reply { body, .. }) = login(&seen) else { break };
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                let sent = stream.get_mut().write_all(&[head.as_bytes(), &body].concat());
                if sent.is_err() {
                    break;
                }
            }
        }
    });
    port
}

/// The same, but it requires a client certificate signed by `authority`.
fn demanding(authority: &crate::support::Authority) -> u16 {
    platform(authority, |builder| {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(X509::from_pem(authority.pem.as_bytes()).unwrap()).unwrap();
        builder.set_verify_cert_store(store.build()).unwrap();
        builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    })
}

#[tokio::test]
async fn a_client_certificate_opens_a_platform_that_wants_one() {
    let authority = crate::support::Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (cert, key) = authority.issue("integration", false);
    // As older tools write it: `EC PRIVATE KEY`.
    let key =
        PKey::private_key_from_pem(key.as_bytes()).unwrap().ec_key().unwrap().private_key_to_pem().unwrap();
    let key = String::from_utf8(key).unwrap();
    let (ca, cert, key) = (write("ca.pem", &authority.pem), write("c.pem", &cert), write("k.pem", &key));
    let options = Options::new("localhost", demanding(&authority))
        .credentials(crate::support::api_key())
        .verify(Verify::CaFile(ca))
        .org(Some("Test Organization".into()))
        .login_tries(Some(1));
    Client::connect(options.clone().client_certificate(cert, key)).await.unwrap();
    let error = Client::connect(options).await.unwrap_err();
    assert!(error.is_tls() && error.to_string().contains("client_auth_cert"), "{error:?}");
}

/// As permissive as OpenSSL can be configured, so that nothing but our own limit keeps TLS 1.1 out.
const PERMISSIVE: &str = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\n\
                          CipherString = ALL:@SECLEVEL=0\nMinProtocol = TLSv1\n";

/// The part of `tls_1_2_is_the_oldest_that_is_spoken` that runs in a process with that configuration.
#[tokio::test]
async fn permissive_child() {
    if std::env::var_os("CIRCUITS_TEST_PERMISSIVE").is_none() {
        return;
    }
    let authority = crate::support::Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    for (version, spoken) in
        [(SslVersion::TLS1_1, false), (SslVersion::TLS1_2, true), (SslVersion::TLS1_3, true)]
    {
        let port = platform(&authority, |builder| {
            builder.clear_options(SslOptions::NO_TLSV1_1);
            builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
            builder.set_min_proto_version(Some(version)).unwrap();
            builder.set_max_proto_version(Some(version)).unwrap();
        });
        let mut any = SslConnector::builder(SslMethod::tls_client()).unwrap();
        any.set_ca_file(&ca).unwrap();
        any.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        any.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let offered = any.build().connect("localhost", stream);
        if !spoken && offered.is_err() {
            println!("skipped: the OpenSSL of this machine has no TLS 1.1 at all");
            continue;
        }
        assert_eq!(offered.unwrap().ssl().version2(), Some(version), "the server speaks this version");
        let options = Options::new("localhost", port)
            .credentials(crate::support::api_key())
            .verify(Verify::CaFile(ca.clone()))
            .org(Some("Test Organization".into()))
            .login_tries(Some(1));
        match Client::connect(options).await {
            Ok(_) => assert!(spoken, "{version:?}"),
            Err(error) => assert!(
                !spoken && error.is_tls() && error.to_string().contains("TLS 1.2"),
                "{version:?}: {error:?}"
            ),
        }
    }
}

#[tokio::test]
async fn tls_1_2_is_the_oldest_that_is_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openssl.cnf");
    std::fs::write(&file, PERMISSIVE).unwrap();
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.env("OPENSSL_CONF", file).env("CIRCUITS_TEST_PERMISSIVE", "1");
    let output = child.args(["--exact", "network::permissive_child", "--nocapture"]).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    if text.contains("skipped") {
        println!("{text}");
    }
}
