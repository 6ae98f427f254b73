//! Clients with which the tests of this crate talk to the sandbox: STOMP bytes written by hand over TLS, and plain HTTPS.

use std::time::Duration;

use circuits_sandbox::Sandbox;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_native_tls::TlsStream;

/// Ends a test that would otherwise hang; nothing waits this long when the sandbox works.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .unwrap_or_else(|_| panic!("timed out while waiting for {what}"))
}

/// A frame as read from the wire: header values still escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) command: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no header {name} in {self:?}"))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) struct Stomp {
    stream: TlsStream<TcpStream>,
    pub(crate) buffer: Vec<u8>,
}

impl Stomp {
    /// TLS only; no CONNECT yet.
    pub(crate) async fn open(sandbox: &Sandbox) -> std::io::Result<Self> {
        let ca = native_tls::Certificate::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
        let connector = native_tls::TlsConnector::builder().add_root_certificate(ca).build().unwrap();
        let tcp = TcpStream::connect(("127.0.0.1", sandbox.stomp_port())).await?;
        let stream = tokio_native_tls::TlsConnector::from(connector).connect("localhost", tcp).await;
        Ok(Self { stream: stream.map_err(std::io::Error::other)?, buffer: Vec::new() })
    }

    /// Logged in with the API key.
    pub(crate) async fn connect(sandbox: &Sandbox) -> Self {
        let credentials = sandbox.credentials();
        let (mut stomp, frame) =
            Self::log_in(sandbox, &credentials.api_key_id, &credentials.api_key_secret, "0,0").await;
        assert_eq!(frame.command, "CONNECTED", "{frame:?}");
        stomp.buffer.clear();
        stomp
    }

    /// Logged in as the broker's administrator.
    pub(crate) async fn admin(sandbox: &Sandbox) -> Self {
        let (stomp, frame) =
            Self::log_in(sandbox, "admin", &sandbox.credentials().admin_password, "0,0").await;
        assert_eq!(frame.command, "CONNECTED", "{frame:?}");
        stomp
    }

    /// Connects, and returns what the broker answers to CONNECT.
    pub(crate) async fn log_in(sandbox: &Sandbox, login: &str, passcode: &str, beats: &str) -> (Self, Wire) {
        let mut stomp = Self::open(sandbox).await.unwrap();
        let frame = format!(
            "CONNECT\naccept-version:1.0,1.1,1.2\nhost:localhost\nlogin:{login}\npasscode:{passcode}\nheart-beat:{beats}\n\n\0"
        );
        stomp.send(&frame).await;
        let answer = stomp.frame().await;
        (stomp, answer)
    }

    pub(crate) async fn send(&mut self, frame: impl AsRef<[u8]>) {
        self.stream.write_all(frame.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Subscribes and waits for the receipt, returning the messages that came before it.
    pub(crate) async fn subscribe(&mut self, queue: &str, extra: &str) -> Vec<Wire> {
        self.send(format!("SUBSCRIBE\nid:{queue}\ndestination:{queue}\n{extra}receipt:sub\n\n\0")).await;
        self.until_receipt("sub").await
    }

    /// Reads up to the receipt; returns the frames before it.
    pub(crate) async fn until_receipt(&mut self, id: &str) -> Vec<Wire> {
        let mut before = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame.command == "RECEIPT" && frame.get("receipt-id") == id {
                return before;
            }
            before.push(frame);
        }
    }

    /// A round trip: afterwards the broker has handled everything sent before. Returns the frames that came meanwhile.
    pub(crate) async fn sync(&mut self) -> Vec<Wire> {
        self.send("BEGIN\ntransaction:sync\n\n\0ABORT\ntransaction:sync\nreceipt:sync\n\n\0").await;
        self.until_receipt("sync").await
    }

    pub(crate) async fn frame(&mut self) -> Wire {
        soon("a frame", self.next()).await.expect("the broker closed the connection")
    }

    /// Waits for the end of the connection; returns the frames that come before it.
    pub(crate) async fn closed(&mut self) -> Vec<Wire> {
        let mut frames = Vec::new();
        while let Some(frame) = soon("the end of the connection", self.next()).await {
            frames.push(frame);
        }
        frames
    }

    /// One read as it comes; 0 at the end.
    pub(crate) async fn read(&mut self) -> usize {
        self.stream.read_buf(&mut self.buffer).await.unwrap_or(0)
    }

    async fn next(&mut self) -> Option<Wire> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            if self.read().await == 0 {
                return None;
            }
        }
    }

    fn take(&mut self) -> Option<Wire> {
        let start = self.buffer.iter().position(|byte| *byte != b'\n')?;
        let wire = &self.buffer[start..];
        let head = wire.windows(2).position(|pair| pair == b"\n\n")?;
        let text = String::from_utf8_lossy(&wire[..head]).into_owned();
        let mut lines = text.split('\n');
        let command = lines.next()?.to_owned();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').expect("header"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let body = &wire[head + 2..];
        let end = match length {
            Some((_, length)) => length.parse::<usize>().unwrap(),
            None => body.iter().position(|byte| *byte == 0)?,
        };
        if body.len() <= end {
            return None;
        }
        let body = body[..end].to_vec();
        self.buffer.drain(..start + head + 2 + end + 1);
        Some(Wire { command, headers, body })
    }
}

/// Undoes header escaping, by hand.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("\\c", ":").replace("\\n", "\n").replace("\\\\", "\\")
}

/// An HTTPS client below `/rest/orgs/201`, with the API key.
pub(crate) struct Rest {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    id: String,
    secret: String,
    pub(crate) token: Option<String>,
}

impl Rest {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        let ca = reqwest::Certificate::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder().add_root_certificate(ca).no_proxy().build().unwrap();
        let credentials = sandbox.credentials();
        Self {
            http,
            base: format!("{}/rest", sandbox.url()),
            id: credentials.api_key_id,
            secret: credentials.api_key_secret,
            token: None,
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        let url = match path.strip_prefix('!') {
            Some(absolute) => format!("{}{absolute}", self.base),
            None => format!("{}/orgs/201{path}", self.base),
        };
        let request = self.http.request(method, url).basic_auth(&self.id, Some(&self.secret));
        match &self.token {
            Some(token) => request.header("X-Co3ContextToken", token),
            None => request,
        }
    }

    /// Status and JSON of any request; a path that starts with `!` is relative to `/rest`.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = soon("a REST answer", request.send()).await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, json) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, json) = self.call("POST", path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        let (status, json) = self.call("PUT", path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {json}");
        json
    }
}
