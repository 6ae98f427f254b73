//! One run of a program: limited in time and output, in its own process group, which ends with the run, however that ends.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use circuits::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The variables of the environment that programs see: the others may contain the runner's secrets.
const KEPT: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// How many bytes at the end of standard error are searched for its last line.
const COMPLAINT: usize = 4096;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    /// Bytes.
    pub(crate) output: usize,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    pub(crate) output: Vec<u8>,
    /// Whether there was more output.
    pub(crate) cut: bool,
    /// The last line of standard error.
    pub(crate) complaint: String,
}

/// Runs a program with `input` on its standard input.
///
/// # Errors
/// When the program cannot be started, or did not end in time.
pub(crate) async fn run(arguments: &[String], input: &[u8], limits: Limits) -> Result<Done> {
    let (program, arguments) =
        arguments.split_first().ok_or_else(|| Error::new("there is no program to run"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command
        .spawn()
        .map_err(|error| Error::from(error).context(format_args!("{program} cannot be started")))?;
    // The group is dropped before the child: as long as the child exists, no other group can get its number.
    let mut group = Group::of(&child);
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(Error::new(format_args!("{program} was started without its pipes")));
    };
    let work = async {
        let feed = async move {
            // A program need not read its input, so an error here does not count.
            let _ = stdin.write_all(input).await;
        };
        let ((), head, tail) = tokio::join!(feed, head(stdout, limits.output), tail(stderr, COMPLAINT));
        let ((output, cut), complaint) = (head?, tail?);
        Ok::<_, Error>(Done { status: child.wait().await?, output, cut, complaint: last_line(&complaint) })
    };
    let done = tokio::time::timeout(limits.time, work).await.unwrap_or_else(|_| {
        let seconds = limits.time.as_secs();
        Err(Error::new(format_args!("{program} did not end within {seconds} s and was killed")))
    })?;
    group.ended();
    Ok(done)
}

/// Reads to the end and keeps the first `limit` bytes; also returns whether there was more.
async fn head(mut from: impl AsyncRead + Unpin, limit: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::new();
    (&mut from).take(limit as u64).read_to_end(&mut kept).await?;
    let more = tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok((kept, more > 0))
}

/// Reads to the end and keeps the last `limit` bytes.
async fn tail(mut from: impl AsyncRead + Unpin, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    while from.read_buf(&mut kept).await? > 0 {
        let surplus = kept.len().saturating_sub(limit);
        kept.drain(..surplus);
    }
    Ok(kept)
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

/// A program and everything it has started; killed when dropped, unless the program has ended.
struct Group {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { id: id.and_then(rustix::process::Pid::from_raw) }
    }

    fn ended(&mut self) {
        self.id = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // It fails only if nothing is left of the group.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

/// On other systems tokio kills the program alone.
#[cfg(not(unix))]
impl Group {
    fn of(_: &Child) -> Self {
        Self {}
    }

    fn ended(&mut self) {}
}
