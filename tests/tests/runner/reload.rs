//! `circuits run --auto-restart`: app.config changes while the runner runs.

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use circuits_sandbox::{Rule, Sandbox, Status};
use circuits_tests::process::line_with;
use serde_json::json;

/// A runner in a separate process, and its log.
struct Runner {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Runner {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_probe-runner"))
            .args(["run", "--auto-restart"])
            .current_dir(directory)
            .env("APP_LOCK_FILE", directory.join("lock"))
            .env("HOME", directory)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    fn says(&mut self, text: &str) -> String {
        line_with(&mut self.log, text)
    }

    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

/// Replaces the file in one step, as many editors do.
fn replace(directory: &Path, text: &str) {
    std::fs::write(directory.join("app.config.new"), text).unwrap();
    std::fs::rename(directory.join("app.config.new"), directory.join("app.config")).unwrap();
}

async fn platform() -> (Sandbox, tempfile::TempDir) {
    let sandbox = Sandbox::builder()
        .destination("probe")
        .rule(Rule::menu_item("Defer").on_incident().to("probe"))
        .start()
        .await
        .unwrap();
    (sandbox, tempfile::tempdir().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_change_live_does_and_the_rest_is_named() {
    let (sandbox, directory) = platform().await;
    let directory = directory.path();
    let base = sandbox.app_config();
    replace(directory, &format!("{base}[probe]\nwait_ms=3600000\n"));
    let mut runner = Runner::start(directory);
    runner.says("has started successfully");
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    let waits = sandbox.fire("Defer", incident, json!({})).unwrap();
    runner.says("Handling the action");

    replace(
        directory,
        &format!("{base}num_workers=3\nloglevel=DEBUG\nstomp_timeout=77\n[probe]\nwait_ms=0\n"),
    );
    let done = runner.says("Reload completed successfully!");
    for key in ["[probe] wait_ms", "[resilient] num_workers", "[resilient] loglevel"] {
        assert!(done.contains(key), "{key} is not in {done}");
    }
    assert!(runner.says("need a restart").contains("[resilient] stomp_timeout"));
    let now = sandbox.fire("Defer", incident, json!({})).unwrap();
    assert_eq!(sandbox.settled(now).await.status, Status::Completed);
    assert_eq!(sandbox.invocation(waits).unwrap().status, Status::Pending, "it waits as it was begun");
    runner.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing() {
    let (sandbox, directory) = platform().await;
    let directory = directory.path();
    let good = format!("{}[probe]\nwait_ms=0\n", sandbox.app_config());
    replace(directory, &good);
    let mut runner = Runner::start(directory);
    runner.says("has started successfully");
    for (bad, part) in [
        (good.replace("[probe]", "num_workers=many\n[probe]"), "num_workers must be in the range"),
        (good.replace("wait_ms=0", "wait_ms=0\nwait=1"), "wait"),
        (String::new(), "host"),
    ] {
        replace(directory, &bad);
        let line = runner.says("Reload failed, nothing was changed");
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
    std::fs::remove_file(directory.join("app.config")).unwrap();
    runner.says("Reload failed, nothing was changed");
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    let id = sandbox.fire("Defer", incident, json!({})).unwrap();
    assert_eq!(sandbox.settled(id).await.status, Status::Completed);
    runner.stop();
}
