//! Running commands of the operator's list.

use circuits_sandbox::{Invocation, Status, Target};
use serde_json::{Value, json};

use crate::platform::{Platform, refusal, start, start_with};

/// The component with these commands, and a menu item on artifacts that sends to it.
async fn start_scan(command: &str, settings: &[(&str, &str)]) -> Platform {
    let command = format!("Scan Host: {command}");
    let settings: Vec<_> = [("commands", command.as_str())].iter().chain(settings).copied().collect();
    let platform = start_with("shell", &settings).await;
    let destinations: Value = platform.rest.get("/message_destinations").await.unwrap();
    let destinations = destinations["entities"].as_array().unwrap();
    let shell = destinations.iter().find(|one| one["programmatic_name"] == "shell").unwrap();
    let rule =
        json!({"name": "Scan Host", "type": 1, "object_type": 4, "message_destinations": [shell["id"]]});
    platform.rest.post::<_, Value>("/actions", &rule).await.unwrap();
    platform
}

/// Fires the rule on an artifact with this value.
async fn scan(platform: &Platform, value: &str) -> Invocation {
    let path = format!("/incidents/{}/artifacts", platform.incident);
    let artifact = json!({"type": "String", "value": value});
    let made: Value = platform.rest.post(&path, &artifact).await.unwrap();
    let target = Target::Artifact(made[0]["id"].as_i64().unwrap());
    platform.sandbox.settled(platform.sandbox.fire("Scan Host", target, json!({})).unwrap()).await
}

fn notes(platform: &Platform) -> Vec<String> {
    let notes = platform.sandbox.notes(platform.incident);
    notes.iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

/// Writes a script, for commands that need one.
fn script(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script");
    std::fs::write(&path, text).unwrap();
    let command = format!("/bin/sh {}", path.display());
    (folder, command)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_command_does_no_harm() {
    let platform = start("shell").await;
    let invocation = platform.fire("Show Incident", json!({})).await;
    assert_eq!(invocation.text(), "Show Incident is done; its output is in a note");
    assert_eq!(notes(&platform), [format!("Incident {}: Phishing mail\n", platform.incident)]);
    assert!(platform.all_carry_the_token());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_output_may_become_an_attachment() {
    let platform = start_scan("/bin/echo {artifact.value}", &[("output", "attachment")]).await;
    let invocation = scan(&platform, "10.0.0.1").await;
    assert_eq!(invocation.text(), "Scan Host is done; its output is in an attachment");
    let attachments = platform.sandbox.attachments(platform.incident);
    let [file] = attachments.as_slice() else { panic!("one attachment, not {attachments:?}") };
    assert_eq!((&file["name"], &file["size"]), (&json!("Scan Host.txt"), &json!(9)));
    assert!(notes(&platform).is_empty());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_an_argument_and_nothing_else() {
    let platform = start_scan("/usr/bin/printf '<%s>' --ip {artifact.value} end", &[]).await;
    let value = "1.2.3.4; touch $(id) | `id` & \"x\" 'y' *";
    assert_eq!(scan(&platform, value).await.status, Status::Completed);
    assert_eq!(notes(&platform), [format!("<--ip><{value}><end>")]);
    let refused = scan(&platform, "-oN/etc/cron.d/x").await;
    assert_eq!(refused.status, Status::Error);
    assert!(refused.text().contains("artifact.value begins with -"), "{}", refused.text());
    assert_eq!(notes(&platform).len(), 1);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_is_on_standard_input_and_no_secret_in_the_environment() {
    let (_folder, command) = script("cat; echo; env");
    let platform = start_scan(&command, &[]).await;
    assert_eq!(scan(&platform, "1.2.3.4").await.status, Status::Completed);
    let note = notes(&platform).remove(0);
    let (message, environment) = note.split_once('\n').unwrap();
    let message: Value = serde_json::from_str(message).unwrap();
    assert_eq!(
        (&message["artifact"]["value"], &message["incident"]["id"]),
        (&json!("1.2.3.4"), &json!(platform.incident))
    );
    assert_eq!(message["object_type"], 4);
    // Cargo sets this variable for every test.
    assert!(environment.contains("PATH=") && !environment.contains("CARGO_MANIFEST_DIR"), "{environment}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_with_the_last_line_of_standard_error() {
    let (_folder, command) = script("echo output; echo one >&2; echo 'host is down' >&2; echo >&2; exit 3");
    let platform = start_scan(&command, &[]).await;
    let invocation = scan(&platform, "x").await;
    assert_eq!(
        (invocation.status, invocation.text()),
        (Status::Error, "Scan Host failed (exit status: 3): host is down".to_owned())
    );
    assert!(notes(&platform).is_empty());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_bounded_and_none_is_no_note() {
    let (_folder, command) = script("[ \"$1\" = silent ] || head -c 3000000 /dev/zero | tr '\\0' x");
    let platform = start_scan(&format!("{command} {{artifact.value}}"), &[("max_output", "10")]).await;
    assert_eq!(scan(&platform, "loud").await.status, Status::Completed);
    assert_eq!(notes(&platform), ["xxxxxxxxxx\n(cut off after 10 bytes)"]);
    assert_eq!(scan(&platform, "silent").await.text(), "Scan Host is done; it had no output");
    assert_eq!(notes(&platform).len(), 1);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_killed_with_all_it_started() {
    // The child outlives its parent and holds this pipe's other end until it dies.
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (_script, command) = script(&format!("sleep 1000 > {} & exit 0", pipe.display()));
    let platform = start_scan(&command, &[("time_limit", "1")]).await;
    let alive = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    let invocation = scan(&platform, "x").await;
    assert_eq!(invocation.status, Status::Error);
    assert!(invocation.text().contains("did not end within 1 s and was killed"), "{}", invocation.text());
    assert_eq!(alive.await.unwrap().unwrap(), b"", "the end of the pipe: nobody holds it any more");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_without_a_command_is_told_where_to_add_it() {
    let platform = start_with("shell", &[("commands", "")]).await;
    let invocation = platform.fire("Show Incident", json!({})).await;
    assert_eq!(invocation.status, Status::Error);
    for part in ["Show Incident", "commands in [shell]"] {
        assert!(invocation.text().contains(part), "{}", invocation.text());
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_the_section_end_the_start() {
    for (key, value, part) in [
        ("commands", "Scan: nmap", "Scan: nmap: a line must read"),
        ("commands", "A: /bin/echo\n    B: /no/such", "there is no program /no/such"),
        ("time_limit", "0", "1 to 86400"),
        ("max_output", "0", "1 to 10000000"),
    ] {
        let refusal = refusal("shell", &[(key, value)]).await;
        assert!(refusal.contains(part) && refusal.contains("[shell]"), "{refusal}");
    }
}
