//! A runner that is told to stop ends, however its handlers behave.

use std::path::Path;

use circuits_sandbox::Status;
use circuits_tests::suite::Process;
use circuits_tests::world::{On, World};

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

/// A runner at work on an action of this rule, whose message stays with the broker when it ends.
async fn at_work(rule: &str, resilient: &str) -> (World, tempfile::TempDir, Process) {
    let world = World::start(On::Sandbox).await;
    let directory = tempfile::tempdir().unwrap();
    let config = format!("{}[probe]\nhang=true\n", world.app_config(resilient));
    let runner = Process::start(Path::new(BINARY), directory.path(), &config);
    let id = world.fire(rule, world.incident()).await;
    world.sandbox.until(id, |invocation| !invocation.text().is_empty()).await;
    assert_eq!(world.sandbox.invocation(id).unwrap().status, Status::Pending);
    (world, directory, runner)
}

/// Its thread cannot be stopped.
#[tokio::test(flavor = "multi_thread")]
async fn blocking_code_that_ignores_its_end_does_not_keep_the_process_alive() {
    let (world, _directory, runner) = at_work("Deaf", "shutdown_timeout=0").await;
    assert_eq!(runner.terminate().await, Some(0));
    assert!(world.has_left_over().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_process_at_once() {
    let (world, _directory, runner) = at_work("Gate", "shutdown_timeout=3600").await;
    assert_eq!(runner.end_at_once().await, Some(143));
    assert!(world.has_left_over().await);
}
