//! `stomp=false`: a runner and a self-test that leave the broker alone.

use std::net::TcpListener;
use std::process::Command;

use circuits_tests::command::{Place, platform, said};
use circuits_tests::tester::{Tested, submit};
use circuits_tests::world::{On, World};

const RUNNER: &str = env!("CARGO_BIN_EXE_probe-runner");
const TOOL: &str = env!("CARGO_BIN_EXE_action-tester");

/// Listens where the broker should be, to notice anybody who connects.
fn nobodys_broker() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn untouched(listener: &TcpListener) {
    assert!(listener.accept().is_err(), "somebody connected to the broker's port");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_test_skips_the_broker_and_says_why() {
    let sandbox = platform().await;
    let place = Place::on(RUNNER, &sandbox);
    let (broker, port) = nobodys_broker();
    for word in ["0", "false", "no", "off"] {
        let said = place.run(&["selftest", "--stomp", word, "--stomp-port", &port.to_string()]);
        said.is(
            0,
            &[
                "ok        component probe",
                "skipped   STOMP login (0.00 s): stomp is off",
                "skipped   subscriptions (0.00 s): stomp is off",
                "skipped   loop-back action (0.00 s): stomp is off",
                "selftest complete",
            ],
        );
    }
    untouched(&broker);
    place
        .run(&["run", "--sandbox", "--once", "--stomp", "off"])
        .is(1, &["--sandbox fires rules", "stomp=true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_works_without_a_broker_until_it_is_stopped() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let (broker, port) = nobodys_broker();
    let config = format!("{}[probe]\n", world.app_config(&format!("stomp=off\nstomp_port={port}")));
    let runner = Tested::start(RUNNER, folder.path(), &config, &[]);

    let mut status = Command::new(RUNNER);
    status.current_dir(&folder).args(["status", "--config-file", "app.config"]);
    said(&status.output().unwrap()).is(0, &["state         ready"]);
    let incident = world.incident();
    let action = String::from_utf8(world.compose("Echo", incident).body.to_vec()).unwrap();
    submit(TOOL, folder.path(), runner.port, &["submit", "probe", &action])
        .is(0, &[&format!("echo {incident}")]);

    runner.terminate();
    untouched(&broker);
    let log = std::fs::read_to_string(folder.path().join("logs/app.log")).unwrap();
    for line in ["Components loaded", "STOMP connection is not enabled"] {
        assert!(log.contains(line), "{line:?} is not in:\n{log}");
    }
    assert!(!log.contains("attempting to connect") && !log.contains("Subscribed to"), "{log}");
}
