//! The README's first command, without its build.

use std::process::Command;

#[test]
fn the_tour_shows_real_actions_being_handled() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_circuits"));
    let output = command.current_dir(directory.path()).args(["run", "--sandbox", "--once"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "rule \"Add Task\" fired",
        "action status of \"Lookup Value\": COMPLETED",
        "reply confirmed by the broker",
        "of 10 rules are answered.",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!directory.path().join("logs").exists(), "the tour leaves nothing behind");
}
