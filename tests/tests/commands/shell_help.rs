//! Help for shells and readers: completions, manual pages, `--help`; and pipes that close early.

use std::process::Stdio;

use circuits_tests::command::Place;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

#[test]
fn completions_and_manual_pages_know_every_command() {
    let place = Place::new(BINARY);
    for shell in ["bash", "zsh", "fish"] {
        place.run(&["completions", shell]).is(0, &["selftest", "customize", "num-workers"]);
    }
    place.run(&["completions", "dos"]).is(2, &["possible values: bash"]);
    place.run(&["man", "share/man1"]).is(0, &[]);
    assert!(place.read("share/man1/circuits-run.1").contains("Handlers that run at the same time"));
    assert!(place.read("share/man1/circuits.1").contains("another instance runs"));
    place.write("file", "");
    place.run(&["man", "file"]).is(1, &["cannot write the manual pages to file"]);
}

#[test]
fn long_help_describes_each_setting() {
    let place = Place::new(BINARY);
    place.run(&["run", "--help"]).is(0, &["--stomp-heartbeat", "Seconds between heart-beats"]);
    assert!(!place.run(&["run", "-h"]).out.contains("heart-beats"), "-h is one screen");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new(BINARY);
    place.write("app.config", "[resilient]\nhost=h\napi_key_id=a\napi_key_secret=b\n");
    for arguments in [&["list", "-v"][..], &["completions", "bash"], &["config", "show"], &["run", "--help"]]
    {
        let mut child =
            place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("pipe"), "{arguments:?}: {said}");
    }
}
