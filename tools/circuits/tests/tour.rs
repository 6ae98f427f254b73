//! The README's first command, without its build.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn circuits(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuits"));
    command.current_dir(directory).args(["run", "--sandbox"]);
    command
}

#[test]
fn the_tour_shows_real_actions_being_handled_and_stays_up_until_it_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let mut runner = circuits(directory.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    for line in BufReader::new(runner.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("stays up") {
            let stopped = Command::new("kill").arg(runner.id().to_string()).status().unwrap();
            assert!(stopped.success());
        }
        text.push_str(&line);
        text.push('\n');
    }
    assert!(runner.wait().unwrap().success(), "{text}");
    for part in [
        "rule \"Add Task\" fired",
        "action status of \"Lookup Value\": COMPLETED",
        "reply confirmed by the broker",
        "of 12 rules are answered.",
        "Stopped.",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!directory.path().join("logs").exists(), "the tour leaves nothing behind");
}

#[test]
fn once_ends_after_the_first_handled_action() {
    let directory = tempfile::tempdir().unwrap();
    let output = circuits(directory.path()).arg("--once").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "rule \"Add Task\" fired",
        "action status of \"Add Task\": COMPLETED",
        "message acknowledged",
        "The action of \"Add Task\" is answered.",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("\"Assign Tasks\" fired"), "one rule is fired, not all of them:\n{text}");
}

/// It deploys definitions without asking, so it must not reach a real platform.
#[test]
fn it_stays_on_its_own_platform() {
    let directory = tempfile::tempdir().unwrap();
    for other in [["--host", "soar.example.com"], ["--port", "1"], ["--stomp-port", "1"]] {
        let output = circuits(directory.path()).arg("--once").args(other).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{other:?}: {text}");
        assert!(text.contains("--sandbox brings its own platform"), "{other:?}: {text}");
    }
}
