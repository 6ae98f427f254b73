//! A system that gets deliveries: it notes every request, and answers as the test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Got {
    /// Its method.
    pub method: Method,
    /// Its path with the query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Got {
    /// A header's text; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With this status, and a body that names it.
    Status(u16),
    /// With 503, and that it may be asked again at once.
    Busy,
    /// Not until it is told to answer otherwise.
    Hang,
}

/// A receiver on a free port of this machine; it ends with the test.
#[derive(Debug)]
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Shared,
}

#[derive(Clone, Debug)]
struct Shared {
    got: watch::Sender<Vec<Got>>,
    answer: watch::Sender<Answer>,
    special: Arc<Mutex<Vec<(String, Answer)>>>,
}

impl Receiver {
    /// Starts one that answers 200.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener)
    }

    /// Starts one on this address, where there was one before.
    pub async fn start_again(address: SocketAddr) -> Self {
        Self::on(TcpListener::bind(address).await.unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let shared = Shared {
            got: watch::Sender::new(Vec::new()),
            answer: watch::Sender::new(Answer::Status(200)),
            special: Arc::default(),
        };
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers so from now on; requests that hang get this answer too.
    pub fn answers(&self, answer: Answer) {
        self.shared.answer.send_replace(answer);
    }

    /// Answers so on this path.
    pub fn answers_on(&self, path: &str, answer: Answer) {
        let mut special = self.shared.special.lock().unwrap_or_else(PoisonError::into_inner);
        special.retain(|(known, _)| known != path);
        special.push((path.to_owned(), answer));
    }

    /// Everything that has come so far.
    pub fn got(&self) -> Vec<Got> {
        self.shared.got.borrow().clone()
    }

    /// The requests for this path, once there are so many.
    pub async fn wait(&self, path: &str, count: usize) -> Vec<Got> {
        let on = |got: &[Got]| got.iter().filter(|one| one.path == path).cloned().collect::<Vec<_>>();
        let mut got = self.shared.got.subscribe();
        let there = got.wait_for(|got| on(got).len() >= count).await.unwrap();
        on(&there)
    }
}

async fn receive(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.to_string();
    let special = {
        let special = shared.special.lock().unwrap_or_else(PoisonError::into_inner);
        special.iter().find(|(known, _)| *known == path).map(|(_, answer)| *answer)
    };
    shared.got.send_modify(|got| got.push(Got { method, path, headers, body }));
    let mut answer = shared.answer.subscribe();
    let status = match special {
        Some(Answer::Status(status)) => status,
        Some(Answer::Busy) => 503,
        Some(Answer::Hang) => std::future::pending().await,
        None => match *answer.wait_for(|answer| *answer != Answer::Hang).await.unwrap() {
            Answer::Status(status) => status,
            Answer::Busy => 503,
            Answer::Hang => 500,
        },
    };
    let status = StatusCode::from_u16(status).unwrap();
    let headers = [("location", "http://127.0.0.1:1/elsewhere")];
    match status.is_redirection() {
        true => (status, headers).into_response(),
        false if status == StatusCode::SERVICE_UNAVAILABLE => {
            (status, [("retry-after", "0")]).into_response()
        }
        false => (status, format!("receiver says {status}")).into_response(),
    }
}
