//! The systems that get deliveries, in a process of their own: one hangs, one answers 500, one takes its time, and the others are
//! quick; until they are told to be well.

use std::collections::{BTreeMap, HashSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

/// The paths of those that are not quick.
pub(crate) const HANGS: &str = "/hangs";
pub(crate) const FAILS: &str = "/fails";
pub(crate) const SLOW: &str = "/slow";
/// How long the slow one takes.
pub(crate) const TAKES: Duration = Duration::from_millis(200);

/// What the parent says.
const BE_WELL: &str = "be well";
const COUNT: &str = "count";

/// What came to one path.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Got {
    pub(crate) requests: u64,
    /// Deliveries that were taken, each once however often it came.
    pub(crate) taken: u64,
}

/// The process, seen from the bench.
pub(crate) struct Receivers {
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// The port of 127.0.0.1 on which they listen.
    pub(crate) port: u16,
}

impl Receivers {
    pub(crate) async fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("receive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut output = BufReader::new(output).lines();
        let port = output.next_line().await.unwrap().expect("the receivers ended").parse().unwrap();
        Self { _process: process, input, output, port }
    }

    /// From now on all of them are quick; the requests that hang are answered.
    pub(crate) async fn be_well(&mut self) {
        self.input.write_all(format!("{BE_WELL}\n").as_bytes()).await.unwrap();
    }

    /// What has come so far, by path.
    pub(crate) async fn count(&mut self) -> BTreeMap<String, Got> {
        self.input.write_all(format!("{COUNT}\n").as_bytes()).await.unwrap();
        serde_json::from_str(&self.output.next_line().await.unwrap().expect("the receivers ended")).unwrap()
    }
}

/// How many requests came to a path, and which deliveries it took.
#[derive(Default)]
struct At {
    requests: u64,
    taken: HashSet<String>,
}

type Seen = Arc<Mutex<BTreeMap<String, At>>>;

/// The process itself.
pub(crate) async fn receive() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let (well, seen) = (watch::Sender::new(false), Seen::default());
    let router = Router::new().fallback(answer).with_state((well.clone(), Arc::clone(&seen)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut told = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = told.next_line().await.unwrap() {
        if line == BE_WELL {
            well.send_replace(true);
        } else {
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let got = |at: &At| Got { requests: at.requests, taken: at.taken.len() as u64 };
            let all: BTreeMap<_, _> = seen.iter().map(|(path, seen)| (path, got(seen))).collect();
            println!("{}", serde_json::to_string(&all).unwrap());
        }
    }
}

async fn answer(
    State((well, seen)): State<(watch::Sender<bool>, Seen)>,
    uri: Uri,
    headers: HeaderMap,
) -> StatusCode {
    let path = uri.path();
    let note = |note: &dyn Fn(&mut At)| {
        note(seen.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default());
    };
    note(&|at| at.requests += 1);
    let mut well = well.subscribe();
    let is_well = *well.borrow();
    match path {
        HANGS => drop(well.wait_for(|well| *well).await),
        FAILS if !is_well => return StatusCode::INTERNAL_SERVER_ERROR,
        SLOW if !is_well => tokio::time::sleep(TAKES).await,
        _ => {}
    }
    note(&|at| {
        at.taken.insert(headers["webhook-id"].to_str().unwrap().to_owned());
    });
    StatusCode::NO_CONTENT
}
