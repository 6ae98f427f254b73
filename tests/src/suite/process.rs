//! What happens when the runner's process ends, one way or another.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use circuits_sandbox::Status;

use crate::process::pause;
use crate::world::{On, World};

/// A runner in a separate process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `circuits run` with this app.config; its files go to `directory`.
    pub fn start(binary: &Path, directory: &Path, config: &str) -> Self {
        Self::start_with(binary, directory, config, &[])
    }

    /// The same with these environment variables.
    pub fn start_with(binary: &Path, directory: &Path, config: &str, variables: &[(&str, &str)]) -> Self {
        let file = directory.join("app.config");
        std::fs::write(&file, config).unwrap();
        let child = Command::new(binary)
            .arg("run")
            .arg("--config-file")
            .arg(&file)
            .arg("--logdir")
            .arg(directory.join("logs"))
            .env("APP_LOCK_FILE", directory.join("lock"))
            .envs(variables.iter().copied())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, log: directory.join("logs/app.log") }
    }

    /// Waits until its log holds `text`.
    pub async fn logs(&self, text: &str) {
        let (log, text) = (self.log.clone(), text.to_owned());
        let waiting = tokio::task::spawn_blocking(move || {
            while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains(&text)) {
                pause();
            }
        });
        waiting.await.unwrap();
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal (`STOP`, `CONT`, `TERM`).
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Ends it with SIGKILL.
    pub fn kill(self) {
        drop(self);
    }

    /// Ends it with SIGTERM, once it is far enough in its start to notice; returns its exit code.
    pub async fn terminate(self) -> Option<i32> {
        let id = self.id();
        let noticing = tokio::task::spawn_blocking(move || {
            while !catches_sigterm(id) {
                pause();
            }
        });
        noticing.await.unwrap();
        self.signal("TERM");
        self.ended().await
    }

    /// Sends it one SIGTERM after the other, like somebody who does not want to wait; returns its exit code.
    pub async fn end_at_once(mut self) -> Option<i32> {
        let ended = tokio::task::spawn_blocking(move || {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status.code();
                }
                self.signal("TERM");
                // Signals that come too close together count as one.
                pause();
            }
        });
        ended.await.unwrap()
    }

    /// Waits for its end; returns its exit code, unless a signal ended it.
    pub async fn ended(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code()).await.unwrap()
    }
}

/// Whether a process has a handler for SIGTERM, or is none any more (proc(5), `SigCgt`: a bit for each signal, from 1).
fn catches_sigterm(id: u32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) else { return true };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    // One that has ended and was not waited for has no such line, or catches nothing.
    let ended = status.lines().any(|line| line.starts_with("State:") && line.contains('Z'));
    ended
        || caught.is_none_or(|caught| {
            u64::from_str_radix(caught.trim(), 16).is_ok_and(|bits| bits & (1 << 14) != 0)
        })
}

/// A test that fails leaves no runner behind.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SIGKILL under a running handler: the message is redelivered to the next runner and answered once.
pub async fn a_killed_runner_answers_once(on: On, binary: &str) {
    let world = World::start(on).await;
    let directory = tempfile::tempdir().unwrap();
    let config = world.app_config("");
    let incident = world.incident();
    let first = Process::start(Path::new(binary), directory.path(), &format!("{config}[probe]\nhang=true\n"));
    let id = world.fire("Gate", incident).await;
    world.sandbox.until(id, |invocation| invocation.text().contains("at the gate")).await;
    first.kill();
    let second = Process::start(Path::new(binary), directory.path(), &format!("{config}[probe]\n"));
    let invocation = world.settled(id).await;
    assert_eq!(invocation.status, Status::Completed);
    assert_eq!(invocation.final_replies, 1);
    assert_eq!(invocation.text(), "at the gate\nat the gate\nthrough the gate");
    assert_eq!(second.terminate().await, Some(0));
}

/// SIGTERM: running actions are finished and answered, waiting ones are left to the next runner, and the exit code is 0.
pub async fn sigterm_finishes_what_runs_and_leaves_the_rest(on: On, binary: &str) {
    let world = World::start(on).await;
    let directory = tempfile::tempdir().unwrap();
    let config = format!("{}[probe]\n", world.app_config(""));
    let incident = world.incident();
    let first = Process::start(Path::new(binary), directory.path(), &config);
    let (running, waiting) = (world.fire("Slow", incident).await, world.fire("Echo", incident).await);
    world.sandbox.until(running, |invocation| invocation.text().contains("slowly")).await;
    first.signal("TERM");
    first.logs("Stopping: running handlers may finish").await;
    first.signal("USR1");
    assert_eq!(first.ended().await, Some(0));
    let invocation = world.settled(running).await;
    assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1));
    assert_eq!(world.sandbox.invocation(waiting).unwrap().status, Status::Pending);

    let second = Process::start(Path::new(binary), directory.path(), &config);
    let invocation = world.settled(waiting).await;
    assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1));
    assert_eq!(second.terminate().await, Some(0));
}
