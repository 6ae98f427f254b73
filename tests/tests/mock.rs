//! Mocks of the platform: over real HTTPS, and from recordings.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use circuits::config::Config;
use circuits::rest::HandleFormat;
use circuits_testing::{Kit, Mock, recorded};
use circuits_tests as _;
use components as _;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_answers_over_https() {
    let mock = Mock::new()
        .on("GET", "/incidents/{id}", json!({"id": 2095, "vers": 1, "name": "Phishing"}))
        .reply("PUT", "/incidents/{id}", 409, json!({"success": false}))
        .on("PUT", "/incidents/{id}", json!({}))
        .with("POST", "/incidents/{id}/comments", |call| circuits_testing::Answer::new(200, &call.body));
    let server = mock.serve().await.unwrap();
    let rest = circuits::login(&Config::from_text(&server.app_config()).unwrap(), |_| {}).await.unwrap();
    let rest = rest.with_handles(HandleFormat::Names);
    rest.update("/incidents/2095", |incident| incident["name"] = "Spam".into()).await.unwrap();
    let echoed: Value = rest.post("/incidents/2095/comments", &json!({"text": "x"})).await.unwrap();
    assert_eq!(echoed["text"], "x");
    let called: Vec<_> = server.mock().calls().into_iter().map(|call| call.method).collect();
    assert_eq!(called, ["GET", "PUT", "GET", "PUT", "POST"]);
    assert_eq!(server.mock().calls()[3].body["name"], "Spam");

    let error = rest.delete::<Value>("/incidents/7").await.unwrap_err().to_string();
    let expected =
        "DELETE /incidents/7 was not expected. Expected: GET /incidents/{id}, PUT /incidents/{id}, POST";
    assert!(error.contains(expected), "{error}");
    assert!(server.mock().surprises()[0].contains(expected));
    // A client without its CA gets no answer.
    let without = server.app_config().replace("cafile=", "stomp_cafile=");
    let config = Config::from_text(&without).unwrap();
    assert!(circuits::login(&config, |_| {}).await.unwrap_err().to_string().contains("certificate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_answers_are_served_over_https_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, body: &str| std::fs::write(folder.path().join(name), body).unwrap();
    // The older form of the time, and the newer one; the Python client leaves the query out.
    write("200_JSON_GET__rest_orgs_201_incidents_7__2017-03-07T09:24:41.822231", r#"{"name": "first"}"#);
    write("200_JSON_GET__rest_orgs_201_incidents_7__2017-03-07T09-24-42.json", r#"{"name": "second"}"#);
    write("404_JSON_GET__rest_orgs_201_incidents_8__2017-03-07T09-24-43.000001", r#"{"message": "none"}"#);
    let server = recorded(folder.path()).unwrap().serve().await.unwrap();
    let rest = circuits::login(&Config::from_text(&server.app_config()).unwrap(), |_| {}).await.unwrap();
    for name in ["first", "second", "second"] {
        let incident: Value = rest.get("/incidents/7").await.unwrap();
        assert_eq!(incident["name"], name);
    }
    assert_eq!(rest.get::<Value>("/incidents/8").await.unwrap_err().status(), Some(404));
    let error = rest.get::<Value>("/incidents/9").await.unwrap_err().to_string();
    assert!(
        error.contains("GET /incidents/9 was not expected. Expected: one of the recorded calls"),
        "{error}"
    );
}

/// Recordings of real systems, if they are available.
fn data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        println!("skipped: no ../shared/data");
        return None;
    }
    Some(data)
}

/// A folder with the files of both folders.
fn folder(message: &Path, answers: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let entries = std::fs::read_dir(answers).unwrap().map(|entry| entry.unwrap().path());
    for file in entries.filter(|path| path.is_file()).chain([message.to_owned()]) {
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

async fn original(
    component: &str,
    sections: &str,
    rule: &str,
    message: &str,
    answers: &str,
) -> Option<(Kit, String)> {
    let data = data()?;
    let message = data.join("messages").join(message);
    let folder = folder(&message, &data.join("rest").join(answers));
    let kit = Kit::configured(component, sections, recorded(folder.path()).unwrap()).await.unwrap();
    let body = serde_json::from_str(&std::fs::read_to_string(message).unwrap()).unwrap();
    let done = kit.handle(rule, body).await;
    assert!(!done.reply.is_error(), "{done:?}");
    Some((kit, done.reply.text().to_owned()))
}

#[tokio::test(start_paused = true)]
async fn add_task_handles_what_was_recorded_of_its_original() {
    let message = "ActionMessage_AddTask_2017-03-07T15-07-14.033583.json";
    let done = original("add_task", "", "Add Task", message, "").await;
    let Some((kit, text)) = done else { return };
    assert_eq!(text, "Task \"A test task\" added to phase Engage");
    let calls = kit.calls();
    assert!(calls.iter().all(|call| call.path.starts_with("/rest/orgs/211/")), "{calls:?}");
    assert_eq!(calls.last().unwrap().body["name"], "A test task");
}

#[tokio::test(start_paused = true)]
async fn file_lookup_handles_what_was_recorded_of_its_original() {
    let table = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(table.path(), "value1,some details about value 1\nvalue2,some details about value 2\n")
        .unwrap();
    let registrations = circuits::registrations();
    let own = registrations.iter().find(|one| one.name() == "file_lookup").unwrap().config_text();
    // If a key is there twice, the last one counts.
    let sections = format!("{own}\nreference_file={}\n", table.path().display());
    let message = "ActionMessage_Lookup_Value_2017-01-04T09-33-35.434145.json";
    let done =
        original("file_lookup", &sections, "Lookup Value", message, "filelookup_2017-01-04_org201").await;
    let Some((kit, text)) = done else { return };
    assert_eq!(text, "custom2 set to \"some details about value 2\"");
    let methods: Vec<_> = kit.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(methods, ["GET", "PUT"]);
}
