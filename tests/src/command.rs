//! The `circuits` command in a separate folder, as a user would call it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use circuits_sandbox::{Rule, Sandbox};

/// A working directory, which is the home directory too, and the binary to call there.
#[derive(Debug)]
pub struct Place {
    binary: &'static str,
    directory: tempfile::TempDir,
}

/// The output of a command.
#[derive(Debug)]
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Place {
    /// An empty directory for this binary.
    pub fn new(binary: &'static str) -> Self {
        Self { binary, directory: tempfile::tempdir().unwrap() }
    }

    /// A directory whose app.config reaches this sandbox, with the probe's section.
    pub fn on(binary: &'static str, sandbox: &Sandbox) -> Self {
        let place = Self::new(binary);
        place.write("app.config", &(sandbox.app_config() + "[probe]\n"));
        place
    }

    /// The directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file of it.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Reads a file of it.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command, not started yet, without a terminal.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let directory: &Path = self.directory.path();
        let mut command = Command::new(self.binary);
        command
            .current_dir(directory)
            .args(arguments)
            .env("APP_LOCK_FILE", directory.join("lock"))
            .env("HOME", directory)
            .env_remove("APP_CONFIG_FILE")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(&self.command(arguments).output().unwrap())
    }
}

/// The output as text.
pub fn said(output: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

impl Said {
    /// Panics unless it ended with this code and printed all of these texts, on either stream.
    pub fn is(&self, code: i32, parts: &[&str]) {
        let text = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }
}

/// A sandbox with the probe's destination and its rule `Echo`.
pub async fn platform() -> Sandbox {
    let echo = Rule::menu_item("Echo").on_incident().to("probe");
    Sandbox::builder().second_org("Other").destination("probe").rule(echo).start().await.unwrap()
}
