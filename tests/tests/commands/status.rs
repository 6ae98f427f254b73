//! How a runner reports its health: `circuits status`, `/healthz` and `/readyz`, and systemd's notifications and unit.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use circuits_tests::command::{Said, said};
use circuits_tests::process::free_ports;
use circuits_tests::world::{On, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");
/// How long a notification may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// A runner with a supervisor that listens as systemd does.
struct Service {
    folder: TempDir,
    notifications: UnixDatagram,
    child: Child,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.config"), config).unwrap();
        let socket = folder.path().join("notify");
        let notifications = UnixDatagram::bind(&socket).unwrap();
        notifications.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = command(folder.path(), "run")
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "900000")
            .env("APP_LOCK_FILE", folder.path().join("lock"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, notifications, child }
    }

    /// Reads notifications until one contains this.
    fn until(&self, part: &str) {
        let mut buffer = [0; 4096];
        loop {
            let length =
                self.notifications.recv(&mut buffer).unwrap_or_else(|error| panic!("{part:?}: {error}"));
            if String::from_utf8_lossy(&buffer[..length]).contains(part) {
                return;
            }
        }
    }

    fn status(&self, arguments: &[&str]) -> Said {
        said(&command(self.folder.path(), "status").args(arguments).output().unwrap())
    }

    fn signal(&self, signal: &str) {
        let status =
            Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

fn command(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(BINARY);
    command.arg(name).arg("--config-file").arg(folder.join("app.config"));
    command.arg("--logdir").arg(folder.join("logs"));
    command
}

/// Status code and body.
async fn get(port: u16, path: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_tells_what_it_does_and_what_it_lacks() {
    let world = World::start(On::Sandbox).await;
    let [port, http_port] = free_ports();
    let service = Service::start(&format!(
        "{}[probe]\nhang=true\n",
        world.app_config(&format!("health_port={port}\nhttp_port={http_port}\nshutdown_timeout=0"))
    ));
    service.until("READY=1");
    service.until("WATCHDOG=1");
    assert_eq!(get(port, "/readyz").await, (200, json!({"ok": true, "problems": []})));
    assert_eq!(get(port, "/healthz").await.0, 200);
    assert_eq!(get(http_port, "/readyz").await, (200, json!({"ok": true, "problems": []})));
    assert_eq!(get(http_port, "/healthz").await.0, 200);
    service.status(&[]).is(0, &["listens on    actions.201.probe", "handled       0", "state         ready"]);

    let incident = world.incident();
    let failing = world.fire("Fail", world.incident()).await;
    world.settled(failing).await;
    let hanging = world.fire("Gate", incident).await;
    world.sandbox.until(hanging, |invocation| invocation.text().contains("at the gate")).await;
    service.until("1 running, 0 waiting, 1 handled");
    service.status(&[]).is(
        0,
        &[
            &format!("running       \"Gate\" of incident {incident} for "),
            "handled       1, 1 of them with an error",
            "the ticket system is down",
        ],
    );
    let status: Value = serde_json::from_str(&service.status(&["--json"]).out).unwrap();
    assert_eq!((&status["ready"], &status["running"][0]["rule"]), (&json!(true), &json!("Gate")));

    world.sandbox.faults().refuse_connections(true);
    world.sandbox.faults().drop_connections();
    service.until("not connected to the broker");
    let (code, body) = get(port, "/readyz").await;
    assert!(code == 503 && body.to_string().contains("not connected to the broker"), "{body}");
    assert_eq!(get(port, "/healthz").await.0, 200, "a restart would not bring the broker back");
    service.status(&[]).is(1, &["state         not ready", "not connected to the broker"]);
    world.sandbox.faults().refuse_connections(false);
    service.until("STATUS=ready");

    service.signal("STOP");
    service.status(&[]).is(1, &["does not answer", "Restart it"]);
    service.signal("CONT");
    service.signal("TERM");
    service.until("STOPPING=1");
    let mut service = service;
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    service.status(&[]).is(1, &["no runner is up", "app.status"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_starting_is_live_and_not_ready() {
    let world = World::start(On::Sandbox).await;
    let [nobody, port] = free_ports();
    let service = Service::start(&world.app_config(&format!("port={nobody}\nhealth_port={port}")));
    service.until("STATUS=starting");
    service.until("WATCHDOG=1");
    assert_eq!(get(port, "/healthz").await.0, 200);
    assert_eq!(get(port, "/readyz").await, (503, json!({"ok": false, "problems": ["starting"]})));
    service.status(&[]).is(1, &["not ready", "it is starting"]);
    let second = command(service.folder.path(), "run")
        .args(["--journal", "off"])
        .current_dir(service.folder.path())
        .env("APP_LOCK_FILE", service.folder.path().join("other-lock"))
        .output();
    said(&second.unwrap()).is(1, &["health_port: cannot listen on 127.0.0.1", "Name a free port"]);
}

/// The unit file with this binary, checked by systemd itself.
#[test]
fn the_unit_is_sound_and_hardened() {
    let packaging = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tools/packaging");
    let text = std::fs::read_to_string(packaging.join("circuits.service")).unwrap();
    assert!(text.contains("ExecStart=/usr/local/bin/circuits run"));
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("circuits.service");
    // A user and a manual that every machine has.
    let text = text
        .replace("/usr/local/bin/circuits", BINARY)
        .replace("=circuits\nGroup=circuits", "=root\nGroup=root");
    std::fs::write(&unit, text.replace("Documentation=man:circuits(1)\n", "")).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    let verified = said(&verified);
    assert!(verified.code == 0 && verified.err.is_empty(), "{}", verified.err);
    let exposure = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(&unit)
        .output()
        .unwrap();
    said(&exposure).is(0, &["Overall exposure level"]);
}
