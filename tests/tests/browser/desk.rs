//! What every test here starts with: a platform, a runner in a process of its own, accounts, and a browser.

use std::path::Path;
use std::sync::Arc;

use circuits::account::{Accounts, Rights};
use circuits_journal::SqliteStore;
use circuits_sandbox::InvocationId;
use circuits_tests::eventful::Eventful;
use circuits_tests::suite::Process;
use serde_json::json;

use crate::browser::Browser;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");
pub(crate) const PASSWORD: &str = "correct horse";

/// An operator's desk.
pub(crate) struct Desk {
    pub(crate) it: Eventful,
    pub(crate) browser: Browser,
    runner: Option<Process>,
}

impl Desk {
    /// With these accounts, each with its rights, and the page open in the browser.
    pub(crate) async fn start(accounts: &[(&str, &[&str])]) -> Self {
        // Each test has a thread of its name, and each probe must have a name of its own.
        let it = Eventful::start(std::thread::current().name().unwrap()).await;
        let store = Accounts::new(Arc::new(SqliteStore::open(&it.store()).unwrap()));
        for (name, rights) in accounts {
            let rights = Rights::parse(rights).unwrap();
            circuits_accounts::add(&store, name, rights, Some(PASSWORD)).await.unwrap();
        }
        let mut desk = Self { it, browser: Browser::start().await, runner: None };
        desk.start_runner("").await;
        desk.browser.client.goto(&desk.url("/")).await.unwrap();
        desk
    }

    /// With the operator `ann`, who may do everything and is logged in.
    pub(crate) async fn of_ann() -> Self {
        let desk = Self::start(&[("ann", &["manage"])]).await;
        desk.log_in("ann").await;
        desk
    }

    /// Starts the runner, or starts it again, with these lines in `[resilient]` besides.
    pub(crate) async fn start_runner(&mut self, more: &str) {
        let config = format!("{}\n[probe]\n", self.it.world.app_config(&self.it.settings(more)));
        let _ = std::fs::remove_file(self.it.folder.path().join("logs/app.log"));
        let runner = Process::start(Path::new(BINARY), self.it.folder.path(), &config);
        runner.logs("started successfully").await;
        self.runner = Some(runner);
    }

    /// Stops the runner as SIGTERM does.
    pub(crate) async fn stop_runner(&mut self) {
        assert_eq!(self.runner.take().unwrap().terminate().await, Some(0));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.it.port)
    }

    /// Fills in the form, and waits until the page is live.
    pub(crate) async fn log_in(&self, name: &str) {
        self.try_to_log_in(name, PASSWORD).await;
        self.browser.sees_in("#connection", "Live").await;
        self.browser.sees_in("#name", name).await;
    }

    pub(crate) async fn try_to_log_in(&self, name: &str, password: &str) {
        self.browser.write("#username", name).await;
        self.browser.write("#password", password).await;
        self.browser.press("Log in").await;
    }

    /// Fires a rule on a new incident of this name; returns it with the invocation.
    pub(crate) async fn fire_on(&self, rule: &str, name: &str) -> (i64, InvocationId) {
        let incident = json!({"name": name, "discovered_date": 0});
        let incident = self.it.world.sandbox.create_incident(incident).unwrap();
        (incident, self.it.world.fire(rule, incident).await)
    }

    /// Fires a rule on a new incident, and waits until its handler has said that it is at work.
    pub(crate) async fn begin(&self, rule: &str, says: &str) -> (i64, InvocationId) {
        let (incident, id) = self.fire_on(rule, "Phishing mail").await;
        self.it.world.sandbox.until(id, |invocation| invocation.text().contains(says)).await;
        (incident, id)
    }

    /// Lets the handlers of `Slow` finish.
    pub(crate) fn let_go(&self) {
        self.runner.as_ref().unwrap().signal("USR1");
    }
}
