//! The socket beside the log: it sends the report as JSON to every client that connects, and reads nothing from clients.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use circuits::config::Settings;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::{Subject, as_json};

/// A healthy process answers at once; one that does not is hanging.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the runner with these settings answers: the name of its log with `.status` at the end.
pub(crate) fn path(settings: &Settings) -> PathBuf {
    settings.logdir.join(&settings.logfile).with_extension("status")
}

/// A socket in the file system; gone when this is dropped.
#[derive(Debug)]
pub(super) struct Bound(PathBuf);

impl Bound {
    /// Replaces a socket that a killed process left: the lock file keeps two runners apart.
    pub(super) fn new(path: PathBuf) -> anyhow::Result<(Self, UnixListener)> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", path.display()));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).with_context(|| format!("making {}", path.display()))?;
        let bound = Self(path);
        std::fs::set_permissions(&bound.0, PermissionsExt::from_mode(0o600))?;
        Ok((bound, listener))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Answers one client after the other.
pub(super) async fn serve(listener: UnixListener, subject: Subject) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Most likely out of file descriptors; this may pass.
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let report = as_json(subject.report().as_ref()).to_string();
        // A client that does not read its report in time gets none.
        let _ = tokio::time::timeout(PATIENCE, stream.write_all(report.as_bytes())).await;
    }
}

/// Asks the runner at this socket for its report.
pub(crate) async fn ask(path: &Path) -> anyhow::Result<Value> {
    let shown = path.display();
    let mut stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => bail!(
            "no runner is up: nothing answers at {shown}, which is beside the log of the runner with this app.config"
        ),
        Err(error) => return Err(error).with_context(|| format!("asking the runner at {shown}")),
    };
    let mut text = String::new();
    match tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await {
        Err(_) => {
            bail!("the runner at {shown} does not answer: its process hangs, or is stopped. Restart it")
        }
        Ok(read) => drop(read.with_context(|| format!("reading from {shown}"))?),
    }
    serde_json::from_str(&text).with_context(|| format!("what answers at {shown} is not a runner"))
}
