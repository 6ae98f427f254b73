//! Custom threat services: the platform asks one about an artifact, asks again as long as it is told to, and shows the hits.
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{Request, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Sandbox, refused};
use crate::clock::now;
use crate::error::{Error, Result};
use crate::platform::Kind;

/// The types under which threat services know artifacts, by the id of the platform's type. They are not asked about others.
const TYPES: [(i64, &str); 10] = [
    (1, "net.ip"),
    (2, "net.name"),
    (3, "net.uri"),
    (5, "email.header"),
    (7, "file.content"),
    (9, "email.header.sender_address"),
    (13, "hash.md5"),
    (16, "file.content"),
    (23, "system.user.name"),
    (25, "system.name"),
];

/// What separates the parts of a form.
const BOUNDARY: &str = "circuits-sandbox-form";

/// A custom threat service, as an administrator makes it known to the platform.
#[derive(Clone)]
pub struct ThreatSource {
    name: String,
    url: String,
    login: Option<String>,
    longest_pause: Option<Duration>,
}

impl ThreatSource {
    /// A service with the name that analysts see, and its URL, such as `http://127.0.0.1:9000/cts/example`.
    #[must_use]
    pub fn new(name: &str, url: &str) -> Self {
        Self { name: name.to_owned(), url: url.to_owned(), login: None, longest_pause: None }
    }

    /// The platform names this user and password.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some(STANDARD.encode(format!("{user}:{password}")));
        self
    }

    /// The platform asks again after this time even if the service wants a longer pause.
    #[must_use]
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = Some(pause);
        self
    }
}

impl std::fmt::Debug for ThreatSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreatSource")
            .field("name", &self.name)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What a threat service said about an artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// The id that it gave the request.
    pub id: String,
    /// The seconds after which it wanted to be asked again, for each answer before the last one.
    pub retries: Vec<u64>,
    /// Whether it was sent the artifact's file.
    pub file_sent: bool,
    /// Its hits.
    pub hits: Vec<Value>,
}

/// Asking threat services.
impl Sandbox {
    /// Asks a threat service about an artifact until it has an answer, and replaces its earlier hits on the artifact.
    ///
    /// # Errors
    /// [`Error::is_unknown`] if there is no such artifact; [`Error::is_refused`] if threat services do not know its type, or the
    /// service cannot be reached or does not speak the protocol.
    pub async fn scan(&self, source: &ThreatSource, artifact: i64) -> Result<Scan> {
        self.ask(source, artifact, None).await
    }

    /// The same with the artifact's file, which the service gets if it says that it takes files.
    ///
    /// # Errors
    /// As [`Sandbox::scan`].
    pub async fn scan_file(
        &self,
        source: &ThreatSource,
        artifact: i64,
        name: &str,
        content: &[u8],
    ) -> Result<Scan> {
        self.ask(source, artifact, Some((name, content))).await
    }

    async fn ask(&self, source: &ThreatSource, artifact: i64, file: Option<(&str, &[u8])>) -> Result<Scan> {
        let about = self.about(artifact)?;
        let mut file_sent = false;
        let (kind, body) = match file {
            None => ("application/json".to_owned(), about.to_string().into_bytes()),
            Some(file) => {
                let options = source.call("OPTIONS", "", None).await?;
                file_sent = options.status == 200 && options.body["upload_file"] == true;
                let form = form(&about, Some(file).filter(|_| file_sent));
                (format!("multipart/form-data; boundary={BOUNDARY}"), form)
            }
        };
        let mut answer = source.call("POST", "", Some((&kind, body))).await?;
        let mut retries = Vec::new();
        loop {
            let (id, hits) = answer.read(source)?;
            if answer.status == 200 {
                self.show_hits(source, artifact, &hits)?;
                return Ok(Scan { id, retries, file_sent, hits });
            }
            let seconds = answer.body["retry_secs"].as_u64();
            let seconds = seconds.ok_or_else(|| answer.odd(source, "no retry_secs"))?;
            retries.push(seconds);
            let pause = Duration::from_secs(seconds);
            tokio::time::sleep(source.longest_pause.map_or(pause, |longest| pause.min(longest))).await;
            answer = source.call("GET", &format!("/{id}"), None).await?;
        }
    }

    /// What threat services are told about an artifact.
    fn about(&self, artifact: i64) -> Result<Value> {
        let state = self.core.platform.lock();
        let object = state.objects.get(Kind::Artifact, artifact);
        let object = object
            .ok_or_else(|| Error::unknown("artifact", artifact, "create it with Sandbox::create_artifact"))?;
        let kind = object["type"].as_i64();
        let Some((_, kind)) = TYPES.iter().find(|(id, _)| Some(*id) == kind) else {
            let text =
                format!("threat services are not asked about artifacts of the type {}", object["type"]);
            return Err(Error::refused(text));
        };
        Ok(json!({"type": kind, "value": object["value"]}))
    }

    fn show_hits(&self, source: &ThreatSource, artifact: i64, found: &[Value]) -> Result<()> {
        let outgoing = {
            let mut state = self.core.platform.lock();
            let mut object = state.objects.find(Kind::Artifact, artifact).map_err(refused)?.clone();
            let mut hits = object["hits"].as_array().cloned().unwrap_or_default();
            hits.retain(|hit| hit["threat_source"]["name"] != source.name.as_str());
            hits.extend(found.iter().map(|hit| {
                json!({
                    "value": object["value"], "threat_source": {"name": source.name}, "active": true, "created": now(),
                    "properties": hit["props"],
                })
            }));
            if object["hits"] == json!(hits) {
                return Ok(());
            }
            object["hits"] = hits.into();
            state.replace(Kind::Artifact, artifact, object, &self.user())
        };
        self.core.send(outgoing);
        Ok(())
    }
}

/// A form with the artifact and its file.
fn form(about: &Value, file: Option<(&str, &[u8])>) -> Vec<u8> {
    let part = |name: &str, more: &str, kind: &str| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\nContent-Type: {kind}\r\n\r\n"
        )
    };
    let mut form = part("artifact", "", "application/json").into_bytes();
    form.extend_from_slice(about.to_string().as_bytes());
    if let Some((name, content)) = file {
        let name = name.replace(['"', '\r', '\n'], "_");
        form.extend_from_slice(b"\r\n");
        let head = part("file", &format!("; filename=\"{name}\""), "application/octet-stream");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(content);
    }
    form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    form
}

/// An answer of a threat service; without JSON its body is null.
struct Told {
    status: u16,
    text: String,
    body: Value,
}

impl Told {
    /// The id and the hits.
    fn read(&self, source: &ThreatSource) -> Result<(String, Vec<Value>)> {
        if !matches!(self.status, 200 | 303) {
            return Err(self.odd(source, "neither 200 nor 303"));
        }
        let id = self.body["id"].as_str().ok_or_else(|| self.odd(source, "no id"))?;
        let hits = self.body["hits"].as_array().ok_or_else(|| self.odd(source, "no hits"))?;
        let known = |property: &Value| {
            let value = &property["value"];
            property["name"].is_string()
                && match property["type"].as_str() {
                    Some("string" | "uri" | "ip") => value.is_string(),
                    Some("number") => value.as_str().is_some_and(|number| number.parse::<f64>().is_ok()),
                    Some("lat_lng") => value["lat"].is_number() && value["lng"].is_number(),
                    _ => false,
                }
        };
        for hit in hits {
            let properties =
                hit["props"].as_array().ok_or_else(|| self.odd(source, "a hit without props"))?;
            if !properties.iter().all(known) {
                return Err(self.odd(source, "a property that is not valid"));
            }
        }
        Ok((id.to_owned(), hits.clone()))
    }

    fn odd(&self, source: &ThreatSource, what: &str) -> Error {
        let Self { status, text, .. } = self;
        Error::refused(format!("the threat service {} sent {what}: {status} {text}", source.name))
    }
}

impl ThreatSource {
    /// Calls the service, over plain HTTP.
    async fn call(&self, method: &str, below: &str, body: Option<(&str, Vec<u8>)>) -> Result<Told> {
        let fail = |error: &dyn std::fmt::Display| {
            let Self { name, url, .. } = self;
            Error::refused(format!(
                "the threat service {name} cannot be asked: {method} {url}{below}: {error}"
            ))
        };
        let uri: Uri = format!("{}{below}", self.url).parse().map_err(|error| fail(&error))?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority = authority.ok_or_else(|| fail(&"its URL has to begin with http://"))?;
        let (host, port) = (authority.host(), authority.port_u16().unwrap_or(80));
        let stream = TcpStream::connect((host, port)).await.map_err(|error| fail(&error))?;
        let handshake = hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| fail(&error))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(method).uri(path).header(HOST, authority.as_str());
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, format!("Basic {login}"));
        }
        if let Some((kind, _)) = &body {
            request = request.header(CONTENT_TYPE, *kind);
        }
        let request = request.body(body.map_or_else(Body::empty, |(_, body)| Body::from(body)));
        let request = request.map_err(|error| fail(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| fail(&error))?;
            let status = response.status().as_u16();
            let text =
                to_bytes(Body::new(response.into_body()), usize::MAX).await.map_err(|error| fail(&error))?;
            let body = serde_json::from_slice(&text).unwrap_or_default();
            Ok(Told { status, text: String::from_utf8_lossy(&text).into_owned(), body })
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            told = &mut exchange => told,
            // The connection may end before the answer has been read.
            _ = connection => exchange.await,
        }
    }
}
