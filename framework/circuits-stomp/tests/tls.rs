//! TLS over real loopback sockets: whom a session trusts, what it says about others, and that an untrusted broker sees no byte
//! of ours.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use circuits_stomp::{Error, Host, Options, Session, State, Tls};
use native_tls::Identity;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key (PEM) for `name`, valid in the years given.
fn issue(authority: &Authority, name: &str, years: std::ops::Range<i32>) -> (String, String) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) =
        (date_time_ymd(years.start, 1, 1), date_time_ymd(years.end, 1, 1));
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

fn valid(authority: &Authority) -> (String, String) {
    issue(authority, "localhost", 2020..4000)
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_ref()).unwrap();
        path
    }
}

/// A broker for one connection: the bytes of STOMP that it got to see, up to CONNECT.
async fn broker((cert, key): (String, String)) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let identity = Identity::from_pkcs8(cert.as_bytes(), key.as_bytes()).unwrap();
    let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
    let seen = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let Ok(mut tls) = acceptor.accept(tcp).await else { return vec![] };
        let mut seen = Vec::new();
        while !seen.contains(&0) && tls.read_buf(&mut seen).await.is_ok_and(|read| read > 0) {}
        if seen.contains(&0) {
            tls.write_all(b"CONNECTED\nversion:1.2\n\n\0").await.unwrap();
            let _ = tls.read_buf(&mut seen).await;
        }
        seen
    });
    (port, seen)
}

fn start(name: &str, port: u16, tls: Tls) -> Session {
    let host = Host { name: name.to_owned(), port };
    let options = Options::new(vec![host]).unwrap().credentials("app", "s3cret".into()).tls(tls);
    Session::start(options.connect_timeout(Duration::from_secs(20))).0
}

/// Waits for the connection, or for the reason that there is none.
async fn outcome(session: &Session) -> Result<(), Arc<Error>> {
    let mut state = session.state();
    let state = state.wait_for(|state| !matches!(state, State::Connecting { .. })).await.unwrap().clone();
    match state {
        State::Connected { .. } => Ok(()),
        State::Closed { reason: Some(reason) } | State::Disconnected { reason, .. } => Err(reason),
        state => panic!("{state:?}"),
    }
}

/// What a session says to a broker with this certificate, which must not see a byte.
async fn refusal(name: &str, certificate: (String, String), tls: Tls) -> Arc<Error> {
    let (port, seen) = broker(certificate).await;
    let session = start(name, port, tls);
    let reason = outcome(&session).await.unwrap_err();
    assert!(reason.is_certificate() && reason.is_permanent(), "{reason:?}");
    assert!(reason.to_string().contains(&format!("{name}:{port}")), "{reason}");
    assert!(matches!(*session.state().borrow(), State::Closed { .. }), "a refusal at start is final");
    assert_eq!(seen.await.unwrap(), b"", "not a byte of CONNECT");
    reason
}

#[tokio::test]
async fn a_broker_with_the_right_certificate_gets_connect() {
    let (files, authority) = (Files::new(), authority("ours"));
    // The right authority is the second in the file.
    let both = self::authority("another").pem() + &authority.pem();
    let (port, seen) = broker(valid(&authority)).await;
    let session = start("localhost", port, Tls::cafile(files.write("ca.pem", both)));
    outcome(&session).await.unwrap();
    drop(session);
    let seen = String::from_utf8(seen.await.unwrap()).unwrap();
    assert!(seen.starts_with("CONNECT\n") && seen.contains("\nhost:localhost\n"), "{seen}");
}

#[tokio::test]
async fn an_address_is_verified_like_a_name() {
    let (files, authority) = (Files::new(), authority("ours"));
    let ca = Tls::cafile(files.write("ca.pem", authority.pem()));
    let (port, seen) = broker(issue(&authority, "127.0.0.1", 2020..4000)).await;
    let session = start("127.0.0.1", port, ca.clone());
    outcome(&session).await.unwrap();
    drop(session);
    assert!(!seen.await.unwrap().is_empty());
    refusal("127.0.0.1", issue(&authority, "127.0.0.2", 2020..4000), ca).await;
}

#[tokio::test]
async fn an_unknown_authority() {
    let (files, authority) = (Files::new(), authority("ours"));
    let other = files.write("ca.pem", self::authority("another").pem());
    let reason = refusal("localhost", valid(&authority), Tls::cafile(&other)).await;
    assert!(
        reason.to_string().contains(&format!("not issued by the certificates in {}", other.display())),
        "{reason}"
    );
    let reason = refusal("localhost", valid(&authority), Tls::system()).await;
    assert!(reason.to_string().contains("name it with `stomp_cafile` (or `cafile` for both)"), "{reason}");
}

#[tokio::test]
async fn a_cafile_that_holds_the_brokers_own_certificate_says_whose_is_wanted() {
    let (files, authority) = (Files::new(), authority("ours"));
    let (cert, key) = valid(&authority);
    let own = files.write("own.pem", &cert);
    let reason = refusal("localhost", (cert, key), Tls::cafile(&own)).await;
    let text = reason.to_string();
    assert!(text.contains("own.pem holds the certificate of 'localhost', but not that of 'ours'"), "{text}");
}

#[tokio::test]
async fn another_host_name() {
    let (files, authority) = (Files::new(), authority("ours"));
    let ca = Tls::cafile(files.write("ca.pem", authority.pem()));
    let reason = refusal("localhost", issue(&authority, "elsewhere.example.com", 2020..4000), ca).await;
    assert!(reason.to_string().contains("issued for another host name"), "{reason}");
}

#[tokio::test]
async fn expired_and_not_yet_valid() {
    let (files, authority) = (Files::new(), authority("ours"));
    let ca = Tls::cafile(files.write("ca.pem", authority.pem()));
    let reason = refusal("localhost", issue(&authority, "localhost", 2001..2002), ca.clone()).await;
    assert!(reason.to_string().contains("has expired"), "{reason}");
    let reason = refusal("localhost", issue(&authority, "localhost", 3998..3999), ca).await;
    assert!(reason.to_string().contains("not valid yet"), "{reason}");
}

#[tokio::test]
async fn insecure_trusts_anyone_and_says_so_loudly() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (port, seen) = broker(issue(&authority("ours"), "elsewhere.example.com", 2001..2002)).await;
    let session = start("localhost", port, Tls::insecure());
    outcome(&session).await.unwrap();
    drop(session);
    assert!(!seen.await.unwrap().is_empty());
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let loud = text.lines().find(|line| line.contains("NOT verified")).unwrap();
    assert!(loud.contains("WARN") && loud.contains(&format!("localhost:{port}")), "{loud}");
    assert!(!text.contains("s3cret"), "{text}");
}

/// Why nothing can be sent with these files; nobody listens on the port.
async fn unusable(tls: Tls) -> Arc<Error> {
    let reason = outcome(&start("localhost", 1, tls)).await.unwrap_err();
    assert!(reason.is_permanent(), "{reason}");
    reason
}

#[tokio::test]
async fn files_of_trusted_certificates_that_cannot_be_used() {
    let files = Files::new();
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for path in [
        PathBuf::from("/no/such/ca.pem"),
        // A directory without links by hash.
        files.0.path().to_owned(),
        files.write("empty.pem", ""),
        files.write("text.pem", "not PEM"),
        files.write("damaged.pem", damaged),
    ] {
        let reason = unusable(Tls::cafile(&path)).await;
        assert!(reason.is_cafile() && !reason.is_certificate(), "{reason:?}");
        assert!(reason.to_string().contains(&*path.to_string_lossy()), "{reason}");
    }
}

#[tokio::test]
async fn client_keys_that_cannot_be_used_name_the_cure() {
    let (files, authority) = (Files::new(), authority("ours"));
    let (cert, key) = valid(&authority);
    let cert = files.write("cert.pem", cert);
    let pem = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let cases: [(&Path, PathBuf, &str); 6] = [
        (&cert, files.write("damaged.pem", pem("PRIVATE KEY")), "is damaged"),
        (&cert, files.write("text.pem", "no key"), "holds no private key"),
        (&cert, files.write("locked.pem", pem("ENCRYPTED PRIVATE KEY")), "is encrypted"),
        (&cert, PathBuf::from("/no/such/key.pem"), "cannot be read"),
        (Path::new("/no/such/cert.pem"), files.write("good.pem", &key), "cannot be read"),
        (&cert, files.write("other.pem", KeyPair::generate().unwrap().serialize_pem()), "does not belong to"),
    ];
    for (cert, key, told) in cases {
        let reason = unusable(Tls::system().identity(cert, &key)).await;
        let text = reason.to_string();
        assert!(reason.is_certificate() && text.contains(told), "{text}");
        assert!(!text.contains("AAAA"), "{text}");
        assert!(text.contains(&*key.to_string_lossy()) || text.contains("cert.pem"), "{text}");
    }
}

#[tokio::test]
async fn a_port_that_answers_nothing_or_nobody_is_no_refusal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let session = start("localhost", port, Tls::system());
    // Once the handshake has begun, the clock runs ahead.
    let (mut tcp, _) = listener.accept().await.unwrap();
    tcp.read_u8().await.unwrap();
    tokio::time::pause();
    let reason = outcome(&session).await.unwrap_err();
    tokio::time::resume();
    assert!(!reason.is_permanent() && reason.to_string().contains("TLS handshake"), "{reason}");
    drop((session, listener));

    let reason = outcome(&start("localhost", port, Tls::system())).await.unwrap_err();
    assert!(!reason.is_permanent() && reason.to_string().contains("cannot be reached"), "{reason}");
    let cause = std::error::Error::source(&reason).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    assert_eq!(cause.map(std::io::Error::kind), Some(std::io::ErrorKind::ConnectionRefused));
    assert!(reason.is_unreachable());
    let reason = outcome(&start("no.such.host.invalid", 1, Tls::system())).await.unwrap_err();
    assert!(!reason.is_permanent() && reason.to_string().contains("no.such.host.invalid:1"), "{reason}");
}
