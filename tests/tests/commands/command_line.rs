//! The `circuits` command as a user or a supervisor sees it: exit codes, the lock, the log, and errors that say what to do.

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use circuits_sandbox::{RestFault, Rule, Sandbox};
use circuits_tests::process::line_with;
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .current_dir(directory)
        .args(arguments)
        .env("APP_LOCK_FILE", directory.join("lock"))
        .env("HOME", directory);
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command(directory, arguments).output().unwrap()
}

fn refused(directory: &Path, arguments: &[&str], code: i32, parts: &[&str]) {
    let output = run(directory, arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "{arguments:?}: {part:?} is not in:\n{text}");
    }
}

async fn platform() -> (Sandbox, tempfile::TempDir) {
    let sandbox = Sandbox::builder()
        .destination("probe")
        .rule(Rule::menu_item("Echo").on_incident().to("probe"))
        .start()
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("app.config"), sandbox.app_config() + "[probe]\n").unwrap();
    (sandbox, directory)
}

fn start(directory: &Path) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = command(directory, &["run"]).stderr(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stderr.take().unwrap());
    (child, output)
}

fn terminate(mut child: Child) -> Option<i32> {
    assert!(Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_the_lines_that_operators_watch_for_and_no_secret() {
    let (sandbox, directory) = platform().await;
    let config = std::fs::read_to_string(directory.path().join("app.config")).unwrap();
    std::fs::write(directory.path().join("app.config"), config.replace("[probe]", "loglevel=DEBUG\n[probe]"))
        .unwrap();
    let (child, mut output) = start(directory.path());
    line_with(&mut output, "Subscribed to message destination actions.201.probe");
    sandbox.faults().drop_connections();
    line_with(&mut output, "STOMP is not connected");
    line_with(&mut output, "Subscribed to message destination actions.201.probe");
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    let id = sandbox.fire("Echo", incident, json!({})).unwrap();
    sandbox.settled(id).await;
    assert_eq!(terminate(child), Some(0));
    let log = std::fs::read_to_string(directory.path().join("logs").join("app.log")).unwrap();
    for line in [
        "Configuration file: ",
        "Resilient server: localhost",
        "Resilient api key id: ",
        "Resilient org: ",
        "Logging Level: DEBUG",
        "STOMP attempting to connect",
        "resilient-circuits has started successfully and is now running...",
    ] {
        assert!(log.contains(line), "{line:?} is not in:\n{log}");
    }
    let attempts = log.matches("STOMP attempting to connect").count();
    assert_eq!(attempts, 2, "one line for each of the two connections:\n{log}");
    let handling = log.lines().find(|line| line.contains("Handling the action")).unwrap();
    for field in ["message_id=", &format!("incident={incident}"), "rule=Echo"] {
        assert!(handling.replace('"', "").contains(field), "{field} is not in {handling}");
    }
    assert!(!log.contains(&sandbox.credentials().api_key_secret), "the secret is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_runner_with_the_same_lock_file_is_refused() {
    let (_sandbox, directory) = platform().await;
    let (child, mut output) = start(directory.path());
    line_with(&mut output, "Subscribed to message destination");
    refused(
        directory.path(),
        &["run"],
        3,
        &["another instance of circuits is running", "lock", "APP_LOCK_FILE"],
    );
    assert_eq!(terminate(child), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_refusal_has_its_exit_code() {
    let (sandbox, directory) = platform().await;
    let directory = directory.path();
    refused(directory, &["run", "--api-key-secret", "wrong"], 25, &["REST", "api_key"]);
    refused(directory, &["run", "--org", "Nobody's"], 24, &["not a member of the specified organization"]);
    refused(directory, &["run", "--cafile", "missing.pem"], 22, &["missing.pem"]);
    refused(directory, &["run", "--stomp-cafile", "/etc/hostname"], 22, &["/etc/hostname"]);
    let other = Sandbox::builder().start().await.unwrap();
    refused(directory, &["run", "--cafile", &other.ca_file().display().to_string()], 23, &["certificate"]);
    sandbox.allow("probe", false).unwrap();
    refused(directory, &["run"], 32, &["actions.201.probe"]);
    sandbox.faults().rest(RestFault::status("GET", "/actions", 401).times(10));
    refused(directory, &["run"], 21, &["401"]);
}

#[test]
fn configuration_and_usage_are_explained() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    std::fs::write(directory.join("app.config"), "[resilient]\nnum_workers=0\nhots=x\n").unwrap();
    refused(
        directory,
        &["run"],
        1,
        &[
            "app.config:2",
            "num_workers must be in the range 1 <= 2000",
            "host",
            "api_key_id and api_key_secret",
        ],
    );
    refused(directory, &["run", "--config-file", "nowhere.config"], 1, &["nowhere.config"]);
    refused(directory, &["run", "--no-such-option"], 2, &["--no-such-option"]);
    refused(directory, &["sandbox", "--host", "0.0.0.0"], 1, &["0.0.0.0", "loopback"]);
    refused(directory, &["sandbox", "fire", "Echo", "--incident", "1"], 1, &["circuits sandbox"]);
    std::fs::write(
        directory.join("app.config"),
        "[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s\nnoload=nothing\n",
    )
    .unwrap();
    refused(directory, &["run"], 1, &["noload names `nothing`", "Linked are:", "probe"]);
    let help = run(directory, &["--help"]);
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("Exit codes:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_fired_by_its_name_with_the_blanks_at_its_ends() {
    let rule = Rule::menu_item("Run Query ").on_incident().to("probe");
    let sandbox = Sandbox::builder().rule(rule).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("app.config"), sandbox.app_config()).unwrap();
    let refused = |rule: &str, part: &str| {
        let fire =
            ["sandbox", "fire", rule, "--incident", "2095", "--timeout", "0", "--config-file", "app.config"];
        refused(directory.path(), &fire, 1, &[part]);
    };
    refused("Run", "the platform has no rule named \"Run\"; it has: \"Run Query \"");
    refused("Run Query ", "\"Run Query \" was fired, but not answered within 0 s");
    // The only rule that differs in blanks at its ends.
    refused("Run Query", "was fired, but not answered within 0 s");
    assert_eq!(sandbox.invocations().len(), 2);
}

#[test]
fn effective_values_are_shown_with_their_origin() {
    let directory = tempfile::tempdir().unwrap();
    let text = "[resilient]\nhost=h\nemail=e\npassword=hunter22\n[not_linked]\nkey=value\n";
    std::fs::write(directory.path().join("app.config"), text).unwrap();
    let output = command(directory.path(), &["config", "show", "--json", "--num-workers", "7"])
        .env("LOGLEVEL", "DEBUG")
        .output()
        .unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let resilient = &shown["resilient"];
    assert_eq!(resilient["num_workers"], json!({"value": "7", "origin": "command line"}));
    assert_eq!(resilient["loglevel"], json!({"value": "DEBUG", "origin": "environment LOGLEVEL"}));
    assert_eq!(resilient["password"]["value"], "***");
    assert_eq!(resilient["port"], json!({"value": "443", "origin": "default"}));
    assert!(shown["not_linked"]["key"]["origin"].as_str().unwrap().ends_with("app.config:6"));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter22"));
}
