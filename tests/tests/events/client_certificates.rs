//! Callers who show a client certificate: whose it is, whose it is not, and what only looks like one.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use circuits::account::{Accounts, Rights};
use circuits_journal::SqliteStore;
use circuits_tests::certs::{Authority, Certificate, Flaw};
use circuits_tests::command::Place;
use circuits_tests::eventful::Eventful;
use native_tls::{Identity, Protocol, TlsConnector};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use circuits_accounts as _;
use circuits_events as _;
use circuits_http as _;

const BOTH: [Protocol; 2] = [Protocol::Tlsv12, Protocol::Tlsv13];
const PASSWORD: &str = "correct horse";
/// What TLS did not let through.
const REFUSED: &str = "";

/// A listener with TLS, and whom its clients trust.
struct Listener {
    it: Eventful,
    server: Authority,
}

impl Listener {
    async fn new(name: &str) -> (Self, PathBuf) {
        let it = Eventful::start(name).await;
        let clients = it.folder.path().join("clients.pem");
        let server = Authority::new(it.folder.path(), "server");
        (Self { it, server }, clients)
    }

    fn settings(&self, clients: &Path, auth: &str) -> String {
        let Certificate { cert, key } = self.server.server(Flaw::None);
        format!(
            "subscriptions=true\nhttp_cert={}\nhttp_key={}\nhttp_client_ca={}\nhttp_auth={auth}",
            cert.display(),
            key.display(),
            clients.display()
        )
    }

    /// Makes accounts that may read.
    async fn add(&self, names: &[&str]) {
        let accounts = Accounts::new(std::sync::Arc::new(SqliteStore::open(&self.it.store()).unwrap()));
        for name in names {
            let rights = Rights::parse(&["read"]).unwrap();
            circuits_accounts::add(&accounts, name, rights, Some(PASSWORD)).await.unwrap();
        }
    }

    /// The status of an answer to a client with this certificate; [`REFUSED`] if TLS gives none.
    async fn ask(&self, version: Protocol, shown: Option<&Certificate>, headers: &str) -> String {
        let authority = std::fs::read(&self.server.file).unwrap();
        let authority = native_tls::Certificate::from_pem(&authority).unwrap();
        let mut connector = TlsConnector::builder();
        connector.disable_built_in_roots(true).add_root_certificate(authority);
        connector.min_protocol_version(Some(version)).max_protocol_version(Some(version));
        if let Some(Certificate { cert, key }) = shown {
            let [cert, key] = [cert, key].map(|path| std::fs::read(path).unwrap());
            connector.identity(Identity::from_pkcs8(&cert, &key).unwrap());
        }
        let connector = tokio_native_tls::TlsConnector::from(connector.build().unwrap());
        let stream = TcpStream::connect(("127.0.0.1", self.it.port)).await.unwrap();
        let Ok(mut stream) = connector.connect("localhost", stream).await else { return REFUSED.to_owned() };
        let head =
            format!("GET /eventmatch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        // With TLS 1.3 the client hears only now that it was refused.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap_or(REFUSED).to_owned()
    }
}

fn basic(name: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{name}:{PASSWORD}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_the_account_that_it_names_and_nobody_else() {
    let (listener, clients) = Listener::new("client certificates").await;
    let [place, elsewhere] = ["ours", "theirs"].map(|name| {
        let place = listener.it.folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        place
    });
    let (ours, theirs) = (Authority::new(&place, "ours"), Authority::new(&elsewhere, "ours"));
    std::fs::copy(&ours.file, &clients).unwrap();
    let runner = listener.it.run(&listener.settings(&clients, "client_cert, basic")).await;
    listener.add(&["ann", "ben"]).await;
    for version in BOTH {
        let ask = async |shown: Option<Certificate>, headers: &str| {
            listener.ask(version, shown.as_ref(), headers).await
        };
        assert_eq!(ask(Some(ours.client("ann")), "").await, "200", "{version:?}");
        for (names, why) in [
            (&["eve"][..], "no such account"),
            (&["ANN"], "another name"),
            (&["ann\0"], "another name"),
            (&["ann", "ben"], "two names"),
            (&[], "no name"),
        ] {
            let shown = ours.client_named(names);
            assert_eq!(ask(Some(shown.clone()), "").await, "401", "{version:?} {why}");
            assert_eq!(ask(Some(shown), &basic("ben")).await, "401", "{version:?} {why}");
        }
        assert_eq!(ask(Some(theirs.client("ann")), &basic("ann")).await, REFUSED, "{version:?}");
        assert_eq!(ask(Some(ours.expired_client("ann")), &basic("ann")).await, REFUSED, "{version:?}");

        assert_eq!(ask(None, &basic("ann")).await, "200", "{version:?}");
        assert_eq!(ask(None, "").await, "401", "{version:?}");
        // What proxies call it.
        for header in
            ["X-SSL-Client-CN: ann", "X-Client-Cert: ann", "Client-Cert: :YW5u:", "client_cert: ann"]
        {
            assert_eq!(ask(None, &format!("{header}\r\n")).await, "401", "{header}");
        }
    }

    // Its authority no longer counts.
    let ann = ours.client("ann");
    std::fs::copy(&theirs.file, &clients).unwrap();
    while listener.ask(Protocol::Tlsv12, Some(&ann), "").await != REFUSED {}
    assert_eq!(listener.ask(Protocol::Tlsv13, Some(&theirs.client("ann")), "").await, "200");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_says_nothing_where_the_settings_do_not_go_by_it() {
    let (listener, clients) = Listener::new("certificates without the kind").await;
    let ours = Authority::new(listener.it.folder.path(), "ours");
    std::fs::copy(&ours.file, &clients).unwrap();
    let runner = listener.it.run(&listener.settings(&clients, "basic")).await;
    listener.add(&["ann"]).await;
    let shown = ours.client("ann");
    assert_eq!(listener.ask(Protocol::Tlsv13, Some(&shown), "").await, "401");
    assert_eq!(listener.ask(Protocol::Tlsv13, Some(&shown), &basic("ann")).await, "200");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_chapter_accounts_make_certificates_that_count() {
    let chapter =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/accounts.md"));
    let chapter = chapter.unwrap();
    let commands = chapter.split("```sh\n").find(|block| block.starts_with("openssl req -x509")).unwrap();
    let commands = commands.split("```").next().unwrap();
    let (listener, clients) = Listener::new("documented certificates").await;
    let folder = listener.it.folder.path();
    let made = Command::new("bash").args(["-ec", commands]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let runner = listener.it.run(&listener.settings(&clients, "client_cert, basic, token")).await;
    listener.add(&["ticket-bot"]).await;
    let shown = Certificate { cert: folder.join("ticket-bot.pem"), key: folder.join("ticket-bot.key") };
    assert_eq!(listener.ask(Protocol::Tlsv13, Some(&shown), "").await, "200");
    runner.stop().await;
}

#[test]
fn client_certificates_need_tls_and_authorities() {
    let place = Place::new(env!("CARGO_BIN_EXE_probe-runner"));
    let Certificate { cert, key } = Authority::new(&place.path(""), "server").server(Flaw::None);
    let tls = format!("http_cert={}\nhttp_key={}", cert.display(), key.display());
    place.write("no.pem", "no certificate");
    for (more, says) in [
        ("http_auth=client_cert, basic".to_owned(), "http_client_ca="),
        (format!("http_auth=client_cert\n{tls}"), "http_client_ca="),
        (format!("http_client_ca={}", cert.display()), "Set http_cert= and http_key="),
        (format!("http_client_ca=no.pem\n{tls}"), "http_client_ca = `"),
        (format!("http_client_ca=missing.pem\n{tls}"), "missing.pem"),
    ] {
        let text = format!(
            "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\nhttp_port=12345\n{more}\n[probe]\n"
        );
        place.write("app.config", &text);
        for arguments in [&["run"][..], &["config", "check"]] {
            place.run(arguments).is(1, &[says]);
        }
    }
}
