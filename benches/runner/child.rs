//! A consumer in a separate process, and what the system reports about it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use crate::consumer::Consumer;
use crate::{ours, peer};

/// The line that a consumer prints once the broker has confirmed its subscription.
pub(crate) const SUBSCRIBED: &str = "subscribed to the bench";

const CONFIG: &str = "app.config";

/// A consumer at work.
pub(crate) struct Child {
    process: tokio::process::Child,
    /// From its start until it was subscribed.
    pub(crate) started: Duration,
    folder: TempDir,
}

/// The resources that a process has used so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// CPU time of all its threads, in user and kernel mode.
    pub(crate) cpu: Duration,
    /// Resident memory in KB: now, and the most so far.
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

impl Child {
    /// Starts it with this app.config and waits until it is subscribed.
    pub(crate) async fn start(consumer: Consumer, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(CONFIG);
        std::fs::write(&file, config).unwrap();
        let (mut command, sign) = match consumer {
            Consumer::Peer => (peer::command(folder.path(), &file), peer::SUBSCRIBED),
            _ => (itself(consumer, &file), SUBSCRIBED),
        };
        command.stdin(Stdio::piped()).kill_on_drop(true);
        // The Python client's log is on standard error.
        match consumer {
            Consumer::Peer => command.stdout(Stdio::null()).stderr(Stdio::piped()),
            _ => command.stdout(Stdio::piped()),
        };
        let begun = Instant::now();
        let mut process = command.spawn().unwrap();
        let output: Box<dyn AsyncRead + Unpin + Send> = match (process.stdout.take(), process.stderr.take()) {
            (Some(output), _) => Box::new(output),
            (None, log) => Box::new(log.unwrap()),
        };
        let mut lines = BufReader::new(output).lines();
        loop {
            let line = lines.next_line().await.unwrap();
            if line.expect("the consumer ended at its start").contains(sign) {
                break;
            }
        }
        let started = begun.elapsed();
        // Read on, so that its further output does not block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, started, folder }
    }

    /// The file of its journal, if it is a runner that has one.
    pub(crate) fn journal(&self) -> PathBuf {
        ours::journal(&self.folder.path().join(CONFIG))
    }

    pub(crate) fn usage(&self) -> Usage {
        let folder = format!("/proc/{}", self.process.id().expect("the consumer ended"));
        let stat = std::fs::read_to_string(format!("{folder}/stat")).unwrap();
        // The name in parentheses may contain spaces; the fields after it are counted from 3 (proc(5)).
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = [14, 15].iter().map(|field| fields[field - 3].parse::<u64>().unwrap()).sum();
        let status = std::fs::read_to_string(format!("{folder}/status")).unwrap();
        let kb = |key: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        // A tick is a hundredth of a second on every Linux.
        Usage { cpu: Duration::from_millis(10 * ticks), resident: kb("VmRSS:"), peak: kb("VmHWM:") }
    }

    /// Ends it once the broker has every acknowledgement.
    pub(crate) async fn stop(mut self, consumer: Consumer) {
        drop(self.process.stdin.take());
        if matches!(consumer, Consumer::Peer) {
            self.process.start_kill().unwrap();
        }
        self.process.wait().await.unwrap();
    }
}

/// This program as a consumer.
fn itself(consumer: Consumer, config: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("consume").arg(consumer.name()).arg(config);
    command
}
