//! The platform: this program again, as a child process, so that its allocations and its log do not mix with ours.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use circuits_sandbox::Sandbox;
use serde_json::{Value, json};

/// A running sandbox. It ends when its standard input does.
pub(crate) struct Platform {
    pub(crate) port: u16,
    pub(crate) ca_file: PathBuf,
    pub(crate) org: i64,
    pub(crate) key: (String, String),
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Platform {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--sandbox").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| told[key].as_str().unwrap().to_owned();
        Self {
            port: told["port"].as_u64().unwrap().try_into().unwrap(),
            ca_file: text("ca_file").into(),
            org: told["org"].as_i64().unwrap(),
            key: (text("id"), text("secret")),
            stdin: child.stdin.take(),
            child,
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The child's part: prints the address of the sandbox and keeps it until the parent has gone.
pub(crate) async fn serve() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let accounts = sandbox.credentials();
    let told = json!({
        "port": sandbox.rest_port(), "ca_file": sandbox.ca_file(), "org": sandbox.org().0, "id": accounts.api_key_id,
        "secret": accounts.api_key_secret,
    });
    println!("{told}");
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    end.await.unwrap().unwrap();
}
