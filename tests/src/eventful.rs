//! A runner in this process with a journal in a file and with the linked extensions, as `circuits run` has them.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use circuits::account::{Accounts, Rights};
use circuits::config::LogLevel;
use circuits::extension::{Attached, Extensions};
use circuits::store::open_store;
use circuits::{LogControl, Registration, Runner};
use circuits_events::book::{Book, Delivery};
use circuits_journal::{Options, SqliteJournal, SqliteStore};
use circuits_sandbox::{InvocationId, Status};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::probe::{PROBE, Probe};
use crate::process::free_ports;
use crate::receiver::Got;
use crate::world::{On, Running, World};

/// A platform, and a folder for a runner that has events.
pub struct Eventful {
    /// The platform.
    pub world: World,
    /// The runner's folder.
    pub folder: TempDir,
    /// What its handlers do.
    pub probe: Arc<Probe>,
    /// The port of its HTTP listener, if the settings name it.
    pub port: u16,
}

/// The password of every account that a test makes.
pub const ACCOUNT_PASSWORD: &str = "correct horse";

/// The header of a caller with this account.
pub fn basic(name: &str) -> (&'static str, String) {
    ("Authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{ACCOUNT_PASSWORD}"))))
}

/// A runner at work.
pub struct Working {
    running: Running,
    attached: Attached,
    /// How it is doing.
    pub health: circuits::Health,
}

impl Eventful {
    /// On the sandbox.
    pub async fn start(name: &str) -> Self {
        Self::start_on(name, On::Sandbox).await
    }

    /// On this broker.
    pub async fn start_on(name: &str, on: On) -> Self {
        Self {
            world: World::start(on).await,
            folder: tempfile::tempdir().unwrap(),
            probe: Probe::new(name),
            port: free_ports::<1>()[0],
        }
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The log of a runner in a process of its own.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("logs/app.log")).unwrap()
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("journal.store")
    }

    /// The lines of `[resilient]` that switch on what these tests need.
    pub fn settings(&self, more: &str) -> String {
        format!("journal={}\nhttp_port={}\nevents_tries=1\n{more}", self.journal().display(), self.port)
    }

    /// Starts a runner with these lines in `[resilient]`.
    pub async fn run(&self, more: &str) -> Working {
        self.run_with(&[&PROBE], more).await
    }

    /// The same with these components.
    pub async fn run_with(&self, linked: &[&'static Registration], more: &str) -> Working {
        let config = self.world.config(&self.probe, &self.settings(more));
        let journal = SqliteJournal::open(&Options::new(self.journal())).unwrap();
        let extensions = Extensions::open(&config).await.unwrap();
        let store = open_store(&config).await.unwrap();
        let runner = Runner::with_components(config, linked, |_| {}).await.unwrap();
        let log = LogControl::new(LogLevel::Info, |_| {});
        let runner = runner.journal(Arc::new(journal)).store(store).log_control(log);
        let health = runner.health();
        let attached = extensions.start(runner.context());
        let mut running = Running::of(runner);
        running.until(|signal| matches!(signal, circuits::Signal::DestinationSubscribed(_))).await;
        Working { running, attached, health }
    }

    /// Fires a rule on a new incident and waits for the answer.
    pub async fn fire(&self, rule: &str) -> (i64, InvocationId, Status) {
        let incident = self.world.incident();
        let id = self.world.fire(rule, incident).await;
        let status = self.world.settled(id).await.status;
        (incident, id, status)
    }

    /// The book, as a command beside the runner sees it.
    pub fn book(&self) -> Book {
        Book::new(Arc::new(SqliteStore::open(&self.store()).unwrap()))
    }

    /// The deliveries of all events to this target, once `done` holds for them; oldest first.
    pub async fn deliveries(&self, target: &str, done: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let book = self.book();
        loop {
            let mut all = Vec::new();
            for event in book.events(None, None, u32::MAX).await.unwrap() {
                all.extend(book.delivery(&event.key, target).await.unwrap());
            }
            all.reverse();
            if done(&all) {
                return all;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Asks the runner's HTTP side. Without a user the request names nobody.
    pub async fn http(&self, method: &str, path: &str, user: &str, body: &[u8]) -> (u16, String) {
        self.http_with(
            method,
            path,
            &[("Http-Remote-User", user), ("Content-Type", "application/json")],
            body,
        )
        .await
    }

    /// The same with these headers; those without a value are left out.
    pub async fn http_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String) {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let answer = self.raw(&[head.as_bytes(), body].concat()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Sends these bytes to the runner's HTTP side, and returns what comes back until it closes.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        // It may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Makes an account whose password is [`ACCOUNT_PASSWORD`].
    pub async fn account(&self, name: &str, rights: &[&str]) {
        let accounts = Accounts::new(Arc::new(SqliteStore::open(&self.store()).unwrap()));
        let rights = Rights::parse(rights).unwrap();
        circuits_accounts::add(&accounts, name, rights, Some(ACCOUNT_PASSWORD)).await.unwrap();
    }

    /// Makes a subscription, and returns it as the answer shows it.
    pub async fn subscribe(&self, user: &str, subscription: Value) -> Value {
        let (status, body) =
            self.http("POST", "/eventmatch", user, subscription.to_string().as_bytes()).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Working {
    /// Stops it as SIGTERM does.
    pub async fn stop(self) {
        self.running.stop().await.unwrap();
        self.attached.stop().await;
    }

    /// A counter, once it has this value.
    pub async fn counts(&self, name: &str, value: u64) {
        while self.health.report().counters.get(name) != Some(&value) {
            tokio::task::yield_now().await;
        }
    }
}

/// The type of the event in a request.
pub fn event_type(got: &Got) -> String {
    got.json()["type"].as_str().unwrap().to_owned()
}
