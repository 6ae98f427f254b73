//! A scripted HTTPS peer: it reads requests byte by byte, remembers them and answers as the test says, including by
//! hanging up or by saying nothing.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use circuits_rest::{Client, Credentials, Options, RetryPolicy, Verify};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub(crate) const CSRF: &str = "79945884c2e6f2339cbffbbaba01f17b";
pub(crate) const COOKIE: &str = "5E55104C00C1E";
pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What the peer does with a request.
pub(crate) enum Answer {
    Reply {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Closes the connection without an answer.
    HangUp,
    /// Keeps the connection and says nothing.
    Silence,
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then silence.
    Start(Vec<u8>),
}

pub(crate) fn reply(status: u16, body: Value) -> Answer {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Answer::Reply { status, headers: vec![("Content-Type", "application/json".into())], body }
}

pub(crate) fn reply_with(status: u16, headers: &[(&'static str, &str)], body: Value) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Answer::Reply { status, headers, body: body.to_string().into_bytes() }
}

/// A certificate authority made for one test.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // A name of its own: two authorities of one name are told apart only by key ids, which these do not have.
        let name = format!("circuits test authority {:?}", &key.public_key_raw()[..8]);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Certificate and key for `host`, in PEM.
    pub(crate) fn issue(&self, host: &str, expired: bool) -> (String, String) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "circuits test peer");
        if expired {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A certificate for `host` that no authority issued, and its key, in PEM.
pub(crate) fn self_signed(host: &str) -> (String, String) {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

type Script = Box<dyn FnMut(&Seen) -> Answer + Send>;

/// The peer; it ends with the test.
pub(crate) struct Peer {
    pub(crate) port: u16,
    pub(crate) authority: Authority,
    pub(crate) folder: tempfile::TempDir,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepted: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Peer {
    /// A peer that lets everybody log in to organisation 201 and leaves the other requests to `script`.
    pub(crate) async fn platform(mut script: impl FnMut(&Seen) -> Answer + Send + 'static) -> Self {
        Self::start("localhost", false, move |seen| login(seen).unwrap_or_else(|| script(seen))).await
    }

    /// A peer whose certificate is for `host`, with `script` for all requests.
    pub(crate) async fn start(
        host: &str,
        expired: bool,
        script: impl FnMut(&Seen) -> Answer + Send + 'static,
    ) -> Self {
        let authority = Authority::new();
        let (cert, key) = authority.issue(host, expired);
        Self::with(cert, key, authority, script).await
    }

    /// A peer with this certificate.
    pub(crate) async fn with(
        cert: String,
        key: String,
        authority: Authority,
        script: impl FnMut(&Seen) -> Answer + Send + 'static,
    ) -> Self {
        let identity = native_tls::Identity::from_pkcs8(cert.as_bytes(), key.as_bytes()).unwrap();
        let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let mut tasks = JoinSet::new();
        let accepted = Arc::<AtomicUsize>::default();
        let (log, count) = (seen.clone(), accepted.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, SeqCst);
                let (acceptor, log, script) = (acceptor.clone(), log.clone(), script.clone());
                connections.spawn(async move {
                    let _ = serve(stream, acceptor, &log, &script).await;
                });
            }
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
        Self { port, authority, folder, seen, accepted, _tasks: tasks }
    }

    pub(crate) fn cafile(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Options that reach this peer as a user, with waits too short to notice.
    pub(crate) fn options(&self) -> Options {
        Options::new("localhost", self.port)
            .credentials(Credentials::User {
                email: "integration@example.com".into(),
                password: PASSWORD.to_owned().into(),
            })
            .verify(Verify::CaFile(self.cafile()))
            .org(Some("Test Organization".into()))
            .retry(quick())
            .login_tries(Some(1))
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.options()).await.unwrap()
    }

    /// Connections so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == method && seen.path.starts_with(path)).count()
    }
}

/// Five tries with next to no wait between them: the tests over sockets check only their number.
pub(crate) fn quick() -> RetryPolicy {
    RetryPolicy { delay: Duration::from_millis(1), ..RetryPolicy::default() }
}

pub(crate) fn api_key() -> Credentials {
    Credentials::ApiKey { id: "key-id".into(), secret: "key-secret-55".to_owned().into() }
}

/// The organisations of every session here.
pub(crate) fn orgs() -> Value {
    json!([
        {"id": 201, "name": "Test Organization", "uuid": "c8165e15", "cloud_account": "73c78395", "enabled": true},
        {"id": 202, "name": "Second", "uuid": "61d7ae97", "cloud_account": null, "enabled": true},
        {"id": 404, "name": "Disabled Org", "enabled": false},
    ])
}

/// Answers the requests of a login.
pub(crate) fn login(seen: &Seen) -> Option<Answer> {
    let session = "/rest/session?include_permissions=false";
    Some(if seen.is("POST", session) {
        reply_with(
            200,
            &[("Set-Cookie", &format!("JSESSIONID={COOKIE}; Path=/; Secure; HttpOnly"))],
            json!({"orgs": orgs(), "csrf_token": CSRF, "user_id": 115, "session_ip": "203.0.113.12"}),
        )
    } else if seen.is("GET", session) {
        reply_with(
            200,
            &[("Set-Cookie", &format!("JSESSIONID={COOKIE}; Path=/"))],
            json!({"orgs": orgs(), "api_key_handle": 4, "user_id": null}),
        )
    } else if seen.method == "GET" && seen.path == "/rest/orgs/201" {
        reply(200, json!({"id": 201, "actions_framework_enabled": true}))
    } else {
        return None;
    })
}

async fn serve(
    stream: TcpStream,
    acceptor: tokio_native_tls::TlsAcceptor,
    log: &Mutex<Vec<Seen>>,
    script: &Mutex<Script>,
) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let mut buffer = Vec::new();
    loop {
        let seen = read(&mut stream, &mut buffer).await?;
        log.lock().unwrap().push(seen.clone());
        let answer = (script.lock().unwrap())(&seen);
        match answer {
            Answer::Reply { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                stream.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
            }
            Answer::HangUp => return None,
            Answer::Silence => std::future::pending().await,
            Answer::Start(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                std::future::pending().await
            }
            Answer::Bytes(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                stream.shutdown().await.ok();
                return None;
            }
        }
    }
}

/// One request; `None` at the end of the connection.
async fn read(stream: &mut (impl AsyncReadExt + Unpin), buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|te| te == "chunked") {
        loop {
            let line = loop {
                if let Some(at) = find(buffer, b"\r\n") {
                    break buffer.drain(..at + 2).collect::<Vec<_>>();
                }
                more(stream, buffer).await?;
            };
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            while buffer.len() < size + 2 {
                more(stream, buffer).await?;
            }
            body.extend(buffer.drain(..size + 2).take(size));
            if size == 0 {
                break;
            }
        }
    } else {
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        while buffer.len() < length {
            more(stream, buffer).await?;
        }
        body.extend(buffer.drain(..length));
    }
    Some(Seen { method, path, headers, body })
}

async fn more(stream: &mut (impl AsyncReadExt + Unpin), buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The data beside the project, if it is there.
pub(crate) fn recorded(path: &str) -> Option<Value> {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(path);
    let text = std::fs::read_to_string(file).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}
