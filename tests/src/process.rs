//! A server process of a test's own: started in its own process group, stopped with all its children, its output at hand
//! when something fails.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a broker may take to start on a busy machine.
const START: Duration = Duration::from_secs(120);

/// A running server. Dropping it kills its process group.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Child,
    output: PathBuf,
}

impl Server {
    /// Starts `command`, with its output in a file of `directory`.
    pub fn start(name: &'static str, mut command: Command, directory: &Path) -> Self {
        let output = directory.join(format!("{name}.out"));
        let file = File::options().create(true).append(true).open(&output).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child, output }
    }

    /// Waits until `ready` answers true; tries again whenever it does not, as long as the process lives.
    pub fn wait_until(&mut self, ready: impl Fn() -> bool) {
        let deadline = Instant::now() + START;
        while !ready() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{} ended with {status} while it started:\n{}", self.name, self.log());
            }
            assert!(Instant::now() < deadline, "{} did not start within {START:?}:\n{}", self.name, self.log());
            // The only way to learn that another program listens is to ask it, and asking in a tight loop slows its start.
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Sends a signal (`KILL`, `STOP`, `CONT`, `TERM`) to the whole process group.
    pub fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let status = Command::new("kill").args(["-s", signal, "--", &group]).stderr(Stdio::null()).status().unwrap();
        // A group that is gone already needs no signal.
        let _ = status;
    }

    /// Kills the process group and waits for its end: what a power cut leaves behind.
    pub fn kill(&mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
    }

    /// What the process printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("--- {} said last:", self.name);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        self.kill();
    }
}

/// Ports that were free a moment ago, all different.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Whether a STOMP server answers a CONNECT on this plain-text port (with whatever frame).
pub fn stomp_answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let connect = b"CONNECT\naccept-version:1.2\nlogin:nobody\npasscode:none\n\n\0";
    stream.write_all(connect).is_ok() && stream.read(&mut [0; 1]).is_ok_and(|read| read == 1)
}

/// Reads lines of a child's output until one contains `text`; returns it.
///
/// # Panics
/// When the output ends first.
pub fn line_with(output: &mut BufReader<impl Read>, text: &str) -> String {
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
