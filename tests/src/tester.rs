//! A runner in a separate process whose test port is open, the tool that submits there, and the Python client for comparison.

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use crate::command::{Said, said};
use crate::process::{free_ports, line_with};

/// A runner with a test port. Dropping it kills it.
#[derive(Debug)]
pub struct Tested {
    child: Child,
    log: BufReader<ChildStderr>,
    /// The test port.
    pub port: u16,
}

impl Tested {
    /// Starts the probe's runner with this app.config, and waits until it takes actions.
    pub fn start(binary: &str, directory: &Path, config: &str, arguments: &[&str]) -> Self {
        let [port] = free_ports();
        Self::start_on(port, binary, directory, config, arguments)
    }

    /// The same on this port.
    pub fn start_on(port: u16, binary: &str, directory: &Path, config: &str, arguments: &[&str]) -> Self {
        std::fs::write(directory.join("app.config"), config).unwrap();
        let mut child = Command::new(binary)
            .current_dir(directory)
            .args(["run", "--config-file", "app.config", "--test-actions"])
            .args(["--test-port", &port.to_string()])
            .args(arguments)
            .env("APP_LOCK_FILE", directory.join("lock"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        line_with(&mut log, "has started successfully");
        Self { child, log, port }
    }

    /// Waits for a line of its log with this text.
    pub fn logs(&mut self, text: &str) -> String {
        line_with(&mut self.log, text)
    }

    /// Ends it with SIGTERM.
    pub fn terminate(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Tested {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command `action-test`, which will run in this folder.
pub fn action_test(binary: &str, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(directory).args(arguments).env("HOME", directory).stdin(Stdio::null());
    command.env_remove("APP_CONFIG_FILE").env_remove("ACTION_TEST_TOKEN");
    command
}

/// Runs one command of it against the test port.
pub fn submit(binary: &str, directory: &Path, port: u16, arguments: &[&str]) -> Said {
    let port = port.to_string();
    said(&action_test(binary, directory, &[&["--port", &port], arguments].concat()).output().unwrap())
}

/// An interactive program. Dropping it kills it.
#[derive(Debug)]
pub struct Dialogue {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Dialogue {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// Types a line.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for a line of its output with this text.
    pub fn says(&mut self, text: &str) -> String {
        line_with(&mut self.output, text)
    }

    /// Closes its input and waits for its end.
    pub fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the Python client, which `.ci/run` installs.
///
/// # Panics
/// When it is not installed.
pub fn python(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peer/bin").join(name);
    assert!(path.is_file(), "{} is missing; tests/run says how to install it", path.display());
    path
}
