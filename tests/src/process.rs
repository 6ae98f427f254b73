//! A server process that a test starts: it is stopped together with all its children, and its output is at hand when something
//! fails.

use std::fs::File;
use std::io::{BufRead, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a broker may take to start on a busy machine.
const START: Duration = Duration::from_secs(120);
/// How long processes may take to end after a signal.
const END: Duration = Duration::from_secs(60);
/// Marks a server and everything it starts, daemons included, so that nothing is left behind.
const MARK: &str = "CIRCUITS_TEST_SERVER";
/// These are below the range from which Linux takes ports for outgoing connections: a client that tries to reach a stopped
/// broker can neither be given that broker's port nor connect to itself.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A running server. Dropping it kills it and all its children.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    mark: String,
    child: Child,
    output: PathBuf,
}

impl Server {
    /// Starts `command`, with its output in a file of `directory`.
    pub fn start(name: &'static str, mut command: Command, directory: &Path) -> Self {
        let output = directory.join(format!("{name}.out"));
        let file = File::options().create(true).append(true).open(&output).unwrap();
        let mark = format!("{name}:{}", directory.display());
        command.env(MARK, &mark).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, mark, child, output }
    }

    /// Waits until `ready` answers true.
    ///
    /// # Errors
    /// When the server ended, did not get its port, or is not ready in time; the error is what it printed.
    pub fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + START;
        while !ready() {
            let log = self.log();
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(format!("{} ended with {status} while it started:\n{log}", self.name));
            }
            if port_is_taken(&log) || Instant::now() > deadline {
                return Err(format!("{} did not start:\n{log}", self.name));
            }
            pause();
        }
        Ok(())
    }

    /// Sends a signal (`KILL`, `STOP`, `CONT`, `TERM`) to the server and all its children.
    pub fn signal(&self, signal: &str) {
        send_signal(signal, &self.processes());
    }

    /// Asks the server to end and waits until it has.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(&mut self) -> ExitStatus {
        send_signal("TERM", &[self.child.id()]);
        let deadline = Instant::now() + END;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} ignores SIGTERM:\n{}", self.name, self.log());
            pause();
        }
    }

    /// Kills the server and its children and waits for their end, which leaves the same behind as a power cut.
    ///
    /// # Panics
    /// When a process survives.
    pub fn kill(&mut self) {
        let deadline = Instant::now() + END;
        loop {
            let processes = self.processes();
            if processes.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "{}: processes {processes:?} survive SIGKILL", self.name);
            send_signal("KILL", &processes);
            pause();
        }
        self.child.wait().unwrap();
    }

    /// Every living process that carries our mark.
    pub fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.mark);
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let id = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(format!("/proc/{id}/environ")).ok()?;
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()).then_some(id)
        });
        processes.collect()
    }

    /// What the process printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return self.kill();
        }
        let log = self.log();
        let tail: Vec<_> = log.lines().rev().take(100).collect();
        eprintln!("--- {} said last:", self.name);
        tail.iter().rev().for_each(|line| eprintln!("{line}"));
        send_signal("KILL", &self.processes());
        let _ = self.child.wait();
    }
}

/// Whether a server's output says that somebody else took its port between the choice and its start.
pub(crate) fn port_is_taken(log: &str) -> bool {
    ["Address already in use", "eaddrinuse"].iter().any(|text| log.contains(text))
}

/// Ports that were free a moment ago, all different.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| {
        let mut ports = std::iter::repeat_with(|| fastrand::u16(PORTS)).take(1_000);
        ports.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).expect("a free loopback port")
    });
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Reads lines of a child's output until one contains `text`; returns it.
///
/// # Panics
/// When the output ends first.
pub fn line_with(output: &mut std::io::BufReader<impl Read>, text: &str) -> String {
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "no line with {text:?} in:\n{seen}");
        if line.contains(text) {
            return line;
        }
        seen.push_str(&line);
    }
}

/// The shell's own `kill`: the command is not on every machine.
fn send_signal(signal: &str, processes: &[u32]) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -s \"$@\"", "sh", signal]).args(processes.iter().map(u32::to_string));
    // A process that is already gone needs no signal.
    let _ = shell.stderr(Stdio::null()).status().unwrap();
}

/// The start and the end of another program can only be polled; polling in a tight loop would slow the program down.
/// Waits a little before the next look at something that tells nobody when it changes.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(20));
}
