//! One run of a program: bounded in time, memory and output, in its own process group, which ends with
//! the run, however that ends.

use std::process::{ExitStatus, Stdio};

use circuits::prelude::*;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::program::Program;
use crate::scratch::Scratch;
use crate::settings::{Bounds, Environment, OWN};

/// A shell sets the limits of memory (kB) and of the size of a file (blocks of 512 bytes), and becomes
/// the program.
const LIMITED: &str = r#"ulimit -v "$1" && ulimit -f "$2" && shift 2 && exec "$@""#;

/// How many bytes at the end of standard error are searched for its last line.
const COMPLAINT: usize = 4096;

/// The longest line, in characters, that goes into a reply.
const LINE: usize = 500;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    /// The end of it, if there was too much; a line says so.
    pub(crate) output: String,
    /// The last line of standard error.
    pub(crate) complaint: String,
}

/// Runs a program.
///
/// # Errors
/// When the program cannot be started, or did not end in time.
pub(crate) async fn run(
    program: &Program,
    scratch: &Scratch,
    environment: &Environment,
    bounds: Bounds,
) -> Result<Done> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", LIMITED, "sh", &(bounds.memory >> 10).to_string(), &(bounds.files >> 9).to_string()])
        .args(program.words())
        .args([scratch.source(), scratch.destination()])
        .env_clear()
        .envs(environment.variables())
        .envs(OWN.map(|name| (name, scratch.home())))
        .current_dir(program.folder().unwrap_or(&scratch.home()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Error::from(error).context("/bin/sh cannot be started"))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (Some(id), Some(stdout), Some(stderr)) = (id, child.stdout.take(), child.stderr.take()) else {
        return Err(Error::new("The program was started without its pipes"));
    };
    // The group is dropped before the child is reaped: until then no other group can get its number.
    let group = Group(id);
    let exit = async {
        exited(id).await?;
        // What the program has left running would keep its output open.
        group.kill();
        Ok(())
    };
    let work = async { tokio::try_join!(exit, tail(stdout, bounds.output), tail(stderr, COMPLAINT)) };
    let ended = tokio::time::timeout(bounds.time, work).await;
    drop(group);
    let status = child.wait().await?;
    let ((), (output, cut), (complaint, _)) = ended.map_err(|_| {
        let seconds = bounds.time.as_secs();
        Error::new(format_args!("The program did not end within {seconds} s and was killed"))
    })??;
    let output = String::from_utf8_lossy(&output);
    let output = if cut {
        format!("(cut off before the last {} bytes)\n{output}", bounds.output)
    } else {
        output.into_owned()
    };
    Ok(Done { status, output, complaint: last_line(&String::from_utf8_lossy(&complaint)) })
}

/// Waits until a child has exited, and does not reap it.
async fn exited(id: Pid) -> std::io::Result<()> {
    // Listen before looking, so that no exit is missed.
    let mut exits = signal(SignalKind::child())?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(id), options)?.is_none() {
        exits.recv().await;
    }
    Ok(())
}

/// Reads to the end and keeps the last `limit` bytes; also returns whether there was more.
async fn tail(mut from: impl AsyncRead + Unpin, limit: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let (mut kept, mut cut) = (Vec::new(), false);
    while from.read_buf(&mut kept).await? > 0 {
        // Twice as much is kept, so that the bytes are not moved for each piece.
        if kept.len() >= 2 * limit {
            kept.drain(..kept.len() - limit);
            cut = true;
        }
    }
    let surplus = kept.len().saturating_sub(limit);
    kept.drain(..surplus);
    Ok((kept, cut || surplus > 0))
}

/// The last line that is not empty, shortened if need be.
pub(crate) fn last_line(text: &str) -> String {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(LINE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// A program and everything it has started; killed when dropped.
struct Group(Pid);

impl Group {
    fn kill(&self) {
        // It fails only if nothing is left of the group.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
