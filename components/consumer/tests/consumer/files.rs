//! Files on their way to a program and back: on a whole platform, and with one that answers as the test says.

use std::path::Path;

use crate::support::{kit, script, section};
use circuits::Rest;
use circuits::config::Config;
use circuits::rest::Upload;
use circuits_testing::{Answer, Kit, Mock, Rule, Sandbox, Stage, Status, Target};
use serde_json::{Value, json};

const INCIDENT: i64 = 2095;

/// Turns every file into capitals.
const UPPER: &str = "cd \"$1/downloads\"\n\
    for file in *; do tr a-z A-Z < \"$file\" > \"$2/uploads/upper-$file\"; done\n\
    echo converted";

async fn stage(program: &Path, downloads: &str) -> (Stage, Rest) {
    let platform = Sandbox::builder()
        .incident("Phishing")
        .destination("consumer")
        .rule(Rule::menu_item("Run").on_attachment().to("consumer"));
    let stage = Stage::configured("consumer", &section(program, downloads, ""), platform).await.unwrap();
    let config = Config::from_text(&stage.sandbox().app_config()).unwrap();
    let rest = circuits::login(&config, |_| {}).await.unwrap();
    (stage, rest)
}

async fn attach(rest: &Rest, name: &str, text: &str) -> i64 {
    let file = Upload::bytes(text.to_owned()).name(name);
    let made: Value = rest.upload(&format!("/incidents/{INCIDENT}/attachments"), &file).await.unwrap();
    made["id"].as_i64().unwrap()
}

/// The text of the incident's attachment of this name.
async fn contents(stage: &Stage, rest: &Rest, name: &str) -> String {
    let attachments = stage.sandbox().attachments(INCIDENT);
    let found = attachments.iter().find(|one| one["name"] == name);
    let id = &found.unwrap_or_else(|| panic!("no {name} in {attachments:?}"))["id"];
    let path = format!("/incidents/{INCIDENT}/attachments/{id}/contents");
    let (mut download, mut text) = (rest.download(&path).await.unwrap(), Vec::new());
    download.copy_to(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_attachment_that_the_action_is_about_comes_and_what_the_program_makes_is_attached() {
    let (_folder, program) = script(UPPER);
    let (stage, rest) = stage(&program, "").await;
    attach(&rest, "other.txt", "other").await;
    let id = attach(&rest, "hello.txt", "hello").await;
    let done = stage.fire("Run", Target::Attachment(id), json!({})).await;
    assert_eq!(
        (done.status, done.text().as_str()),
        (Status::Completed, "converted; attached: upper-hello.txt")
    );
    assert_eq!(stage.sandbox().attachments(INCIDENT).len(), 3);
    assert_eq!(contents(&stage, &rest, "upper-hello.txt").await, "HELLO");
    stage.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_attachments_come_under_names_of_their_own() {
    let (_folder, program) = script(UPPER);
    let (stage, rest) = stage(&program, "attachments").await;
    attach(&rest, "../a.txt", "one").await;
    attach(&rest, "../a.txt", "two").await;
    let id = attach(&rest, "-rf", "three").await;
    let done = stage.fire("Run", Target::Attachment(id), json!({})).await;
    assert_eq!(
        (done.status, done.text().as_str()),
        (Status::Completed, "converted; attached: upper-2__._a.txt, upper-_._a.txt, upper-_rf")
    );
    assert_eq!(contents(&stage, &rest, "upper-2__._a.txt").await, "TWO");
    stage.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_lists_the_incidents_attachments_for_its_rule_and_its_function() {
    let platform = Sandbox::builder().incident("Phishing");
    let stage = Stage::start("consumer", platform).await.unwrap();
    let done = stage.fire("List Files", INCIDENT, json!({})).await;
    assert_eq!((done.status, done.text().as_str()), (Status::Completed, "Files listed: 0"));
    let config = Config::from_text(&stage.sandbox().app_config()).unwrap();
    let rest = circuits::login(&config, |_| {}).await.unwrap();
    attach(&rest, "hello.txt", "hello").await;
    let done = stage.call("list_files", json!({"incident_id": INCIDENT})).await;
    let results = json!({"exit": 0, "output": "Files listed: 1\n", "error": null, "uploads": ["files.txt"]});
    assert_eq!((done.status, done.results()), (Status::Completed, Some(&results)));
    assert!(contents(&stage, &rest, "files.txt").await.ends_with(" 5 hello.txt\n"));
    stage.stop().await.unwrap();
}

/// A platform with an artifact that has a file and one that has none, and with an attachment of a task.
fn platform() -> Mock {
    let artifacts = json!([
        {"id": 1, "value": "192.0.2.7", "attachment": null},
        {"id": 2, "value": "mail.eml", "attachment": {"id": 9, "name": "mail.eml"}},
    ]);
    Mock::new()
        .on("GET", "/incidents/2095/artifacts", artifacts.clone())
        .on("GET", "/incidents/2095/artifacts/2", artifacts[1].clone())
        .with("GET", "/incidents/2095/artifacts/2/contents", |_| Answer {
            status: 200,
            body: b"mail".to_vec(),
        })
        .on("GET", "/tasks/7/attachments/3", json!({"id": 3, "name": "task.txt", "task_id": 7}))
        .with("GET", "/tasks/7/attachments/3/contents", |_| Answer { status: 200, body: b"task".to_vec() })
}

#[tokio::test]
async fn artifacts_and_attachments_of_tasks_come_with_their_files() {
    let (_folder, program) = script("cd \"$1/downloads\"; for f in *; do echo \"$f $(cat \"$f\")\"; done");
    let by_object = Kit::configured("consumer", &section(&program, "", ""), platform()).await.unwrap();
    let artifact = json!({"id": 2, "attachment": {"id": 9, "name": "mail.eml"}});
    let attachment = json!({"id": 3, "name": "task.txt", "task_id": 7});
    for (message, text) in [
        (json!({"object_type": 4, "incident": {"id": 2095}, "artifact": artifact}), "mail.eml mail"),
        (json!({"object_type": 5, "incident": {"id": 2095}, "attachment": attachment}), "task.txt task"),
        (json!({"object_type": 4, "incident": {"id": 2095}, "artifact": {"id": 1}}), "* "),
    ] {
        assert_eq!(by_object.handle("Run", message).await.reply.text(), text.trim());
    }
    for (inputs, output) in [
        (json!({"incident_id": 2095, "artifact_id": 2}), "mail.eml mail\n"),
        (json!({"task_id": 7, "attachment_id": 3}), "task.txt task\n"),
    ] {
        let done = by_object.call("run", inputs).await;
        assert_eq!(done.reply.output().unwrap()["output"], output);
    }
    let all = Kit::configured("consumer", &section(&program, "artifacts", ""), platform()).await.unwrap();
    let done = all.handle("Run", json!({"object_type": 0, "incident": {"id": 2095}})).await;
    assert_eq!(done.reply.text(), "mail.eml mail");
}

#[tokio::test]
async fn downloads_are_bounded_in_number_and_size() {
    let (_folder, program) = script("echo ran");
    let many: Vec<Value> = (0..3).map(|id| json!({"id": id, "name": "a"})).collect();
    let platform = || {
        Mock::new().on("GET", "/incidents/2095/attachments", json!(many.clone())).with(
            "GET",
            "/incidents/2095/attachments/{id}/contents",
            |_| Answer { status: 200, body: vec![0; 700_000] },
        )
    };
    let message = json!({"object_type": 0, "incident": {"id": 2095}});
    for (setting, part) in [
        ("max_files=2", "There are 3 files to download, and at most 2 are allowed (max_files in [consumer])"),
        ("files_mb=1", "The files to download have more than 1 MB (files_mb in [consumer])"),
    ] {
        let section = section(&program, "attachments", setting);
        let kit = Kit::configured("consumer", &section, platform()).await.unwrap();
        let done = kit.handle("Run", message.clone()).await;
        assert!(done.reply.is_error() && done.reply.text().contains(part), "{done:?}");
    }
}

#[tokio::test]
async fn nothing_is_attached_that_is_too_much_or_no_regular_file() {
    for (text, settings, part) in [
        ("ln -s /etc/passwd \"$2/uploads/x\"", "", "uploads/x is not a regular file"),
        ("mkfifo \"$2/uploads/x\"", "", "uploads/x is not a regular file"),
        ("mkdir \"$2/uploads/x\"", "", "uploads/x is not a regular file"),
        ("rmdir \"$2/uploads\"; ln -s /etc \"$2/uploads\"", "", "removed or replaced its folder uploads"),
        (
            "touch \"$2/uploads/a\" \"$2/uploads/b\"",
            "max_files=1",
            "more than 1 files (max_files in [consumer])",
        ),
        (
            "for f in a b; do head -c 700000 /dev/zero > \"$2/uploads/$f\"; done",
            "files_mb=1",
            "more than 1 MB (files_mb in [consumer])",
        ),
    ] {
        let (_folder, program) = script(text);
        // The mock expects no call, and fails the test if one comes.
        let done = kit(&program, settings).await.handle("Run", json!({"incident": {"id": 2095}})).await;
        assert!(done.reply.is_error() && done.reply.text().contains(part), "{done:?}");
    }
}

#[tokio::test]
async fn a_failed_program_attaches_nothing_and_a_message_without_an_incident_cannot() {
    let (_folder, failing) = script("touch \"$2/uploads/a\"; exit 1");
    let done = kit(&failing, "").await.handle("Run", json!({"incident": {"id": 2095}})).await;
    assert!(done.reply.text().contains("exit status: 1"), "{done:?}");
    let (_folder, program) = script("touch \"$2/uploads/a\"");
    let done =
        kit(&program, "").await.handle("Run", json!({"object_type": 13, "emailmessage": {"id": 1}})).await;
    assert!(done.reply.is_error() && done.reply.text().contains("nothing to attach them to"), "{done:?}");
}

#[tokio::test]
async fn an_attachment_that_the_platform_refuses_is_named_with_those_before_it() {
    let (_folder, program) = script("touch \"$2/uploads/a\" \"$2/uploads/b\"");
    let platform = Mock::new().on("POST", "/incidents/2095/attachments", json!({"id": 1})).reply(
        "POST",
        "/incidents/2095/attachments",
        403,
        json!({"message": "no"}),
    );
    let kit = Kit::configured("consumer", &section(&program, "", ""), platform).await.unwrap();
    let done = kit.handle("Run", json!({"incident": {"id": 2095}})).await;
    assert!(
        done.reply.is_error() && done.reply.text().starts_with("b cannot be attached (a is attached): "),
        "{done:?}"
    );
}
