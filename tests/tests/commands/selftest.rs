//! `circuits selftest`: which steps pass, which fail with which exit code, and that it takes no message away.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use circuits_sandbox::{RestFault, Sandbox};
use circuits_tests::command::{Place, platform, said};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_message_is_left_for_the_runner() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    let id = sandbox.fire("Echo", incident, json!({})).unwrap();
    place.run(&["selftest"]).is(
        0,
        &[
            "ok        configuration",
            "app.config, components: 1",
            "ok        REST login",
            "ok        action module",
            "ok        component probe",
            "listens on probe",
            "ok        journal",
            "circuits.journal, which the first run will make",
            "ok        check of probe",
            "the ticket system answers",
            "ok        required fields",
            "ok        rules and functions",
            "not there, so they never fire: Fail, ",
            "ok        definitions",
            "left for `circuits customize`: create activity field probe_word; ",
            "ok        STOMP login",
            "ok        subscription actions.201.probe",
            "skipped   loop-back action",
            "as is usual: ",
            "selftest complete",
        ],
    );
    let queue = sandbox.queue("probe");
    sandbox.queue_is(&queue, |stats| stats.ready == 1 && stats.unacked == 0 && stats.consumers == 0).await;
    let mut runner = place.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
    let answer = sandbox.settled(id).await;
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert!(format!("{answer:?}").contains(&format!("echo {incident}")), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_depend_on_a_failure_is_tested_all_the_same() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    // Nobody listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    place.run(&["selftest", "--port", &port.to_string()]).is(
        20,
        &[
            "failed    REST login",
            "cure: check `host`, `port`",
            "skipped   action module",
            "skipped   component probe",
            "ok        STOMP login",
            "skipped   subscriptions",
            "selftest failed: 1 of",
        ],
    );
    place.run(&["selftest", "--api-key-secret", "wrong"]).is(
        25,
        &["failed    REST login", "cure: check `api_key_id` and `api_key_secret`", "failed    STOMP login"],
    );
    place.run(&["selftest", "--stomp-port", &port.to_string()]).is(
        30,
        &["ok        component probe", "failed    STOMP login", "skipped   subscription actions.201.probe"],
    );
    place.run(&["selftest", "--org", "Nobody's"]).is(24, &["cure: set `org` to one of 'Sandbox', 'Other'"]);
    place
        .run(&["selftest", "--org", "Other"])
        .is(1, &["failed    action module", "ok        component probe", "ok        STOMP login"]);
    place
        .run(&["selftest", "--cafile", "missing.pem"])
        .is(22, &["missing.pem", "cure: check the path (`cafile`)"]);
    let other = Sandbox::builder().start().await.unwrap();
    let cafile = other.ca_file().display().to_string();
    place.run(&["selftest", "--stomp-cafile", &cafile]).is(23, &["ok        rules", "failed    STOMP login"]);
    sandbox.faults().rest(RestFault::status("GET", "/actions", 403));
    place
        .run(&["selftest"])
        .is(20, &["failed    rules and functions", "403", "ok        definitions", "ok        subscription"]);
    sandbox.allow("probe", false).unwrap();
    place.run(&["selftest"]).is(32, &["failed    subscription actions.201.probe", "circuits customize"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_platform_does_not_hold_it_up() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    sandbox.faults().rest(RestFault::hang("GET", "/session"));
    place
        .run(&["selftest", "--selftest-timeout", "1"])
        .is(20, &["failed    REST login", "no answer within ", "ok        STOMP login"]);
    sandbox.faults().drop_receipts(1);
    place
        .run(&["selftest", "--selftest-timeout", "1"])
        .is(33, &["failed    subscription actions.201.probe", "no answer within 1 s", "selftest_timeout="]);
    sandbox.faults().stall(true);
    place.run(&["selftest", "--selftest-timeout", "1"]).is(30, &["failed    STOMP login"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_and_wrong_input() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    let said = place.run(&["selftest", "--json", "-l", "probe"]);
    said.is(0, &[]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&report["passed"], &report["exit_code"]), (&json!(true), &json!(0)));
    let steps = report["steps"].as_array().unwrap();
    let (last, others) = steps.split_last().unwrap();
    assert_eq!((&last["name"], &last["state"]), (&json!("loop-back action"), &json!("skipped")));
    assert!(others.iter().all(|step| step["state"] == "ok" && step["cure"].is_null()), "{report:#}");
    assert!(steps.iter().all(|step| step["seconds"].is_f64()), "{report:#}");
    sandbox.allow("probe", false).unwrap();
    let said = place.run(&["selftest", "--json"]);
    said.is(32, &[]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let failed = report["steps"].as_array().unwrap().iter().find(|step| step["state"] == "failed").unwrap();
    assert_eq!(
        (&report["exit_code"], &failed["name"]),
        (&json!(32), &json!("subscription actions.201.probe"))
    );
    assert!(failed["cure"].as_str().unwrap().contains("customize"), "{report:#}");
    assert!(!said.out.contains(&sandbox.credentials().api_key_secret));

    place.run(&["selftest", "-l", "nobody"]).is(1, &["`nobody` is not a linked component", "probe"]);
    place.write("app.config", "[resilient]\nnum_workers=0\n");
    place.run(&["selftest"]).is(
        1,
        &[
            "failed    configuration",
            "app.config:2",
            "num_workers must be",
            "host is missing",
            "cure: correct",
        ],
    );
}

/// Answers the beginning of TLS as an ordinary HTTP proxy does.
fn plain_proxy() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read_exact(&mut [0; 5]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_written_wrong_is_blamed_and_not_the_platform() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    let port = plain_proxy();
    let with = format!("proxy_host=localhost\nproxy_port={port}\nhost=");
    place.write("app.config", &sandbox.app_config().replacen("host=", &with, 1));
    let told = format!("the proxy https://localhost:{port} (proxy_host) does not speak TLS");
    let cure = "without TLS, write proxy_host=http://localhost";
    place.run(&["selftest"]).is(20, &["failed    REST login", &told, cure, "ok        STOMP login"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_does_not_change_the_outcome() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    let mut command = place.command(&["selftest"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let said = said(&command.stdout(writer).stderr(Stdio::piped()).output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_tests_what_it_works_with() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    // Only what hangs has a short time: a slow machine may take long to print a panic.
    for (trouble, timeout, said) in [
        ("login refused", "60", "login refused"),
        ("panic", "60", "it panicked: index out of range"),
        ("hang", "1", "no answer within 1 s"),
    ] {
        place.write("app.config", &format!("{}[probe]\ntrouble={trouble}\n", sandbox.app_config()));
        place.run(&["selftest", "--selftest-timeout", timeout]).is(1, &["failed    check of probe", said]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_had_fails() {
    let sandbox = platform().await;
    let place = Place::on(BINARY, &sandbox);
    place
        .run(&["selftest", "--journal", "app.config"])
        .is(1, &["failed    journal", "not a circuits journal"]);
    place
        .run(&["selftest", "--journal", "/proc/none/journal"])
        .is(1, &["failed    journal", "cannot be made"]);
    place.run(&["selftest", "--journal", "off"]).is(0, &["ok        journal", "off: "]);
}
