//! The components that ship, each on a sandbox with its own definitions: by their rules, and by recorded messages.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use circuits::config::Config;
use circuits::definitions::deploy;
use circuits::{Registration, Runner, Signal, registrations};
use circuits_sandbox::{Invocation, Publication, Sandbox, Status};
use circuits_tests::world::with_body;
use components as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;

struct Platform {
    sandbox: Sandbox,
    incident: i64,
    stop: oneshot::Sender<()>,
    runner: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// A sandbox with the component's definitions and a runner of it alone.
async fn start(name: &str) -> Platform {
    let registration: &'static Registration =
        registrations().into_iter().find(|one| one.name() == name).unwrap();
    let sandbox = Sandbox::builder().start().await.unwrap();
    let incident = sandbox.create_incident(json!({"name": "Phishing mail", "discovered_date": 0})).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("lookup.csv");
    std::fs::write(&table, "value1,some details about value 1\nvalue2,some details about value 2\n").unwrap();
    let section = registration
        .config_text()
        .replace("#reference_file=lookup.csv", &format!("reference_file={}", table.display()));
    let config = Config::from_text(&format!("{}\n{section}", sandbox.app_config())).unwrap();
    let rest = circuits::login(&config, |_| {}).await.unwrap();
    assert!(!deploy(&rest, &registration.platform_definitions()).await.unwrap().created.is_empty());
    let again = deploy(&rest, &registration.platform_definitions()).await.unwrap();
    assert!(again.created.is_empty(), "a second run changes nothing: {again:?}");

    let runner = Runner::with_components(config, &[registration], |_| {}).await.unwrap();
    let mut signals = runner.signals();
    let (stop, stopped) = oneshot::channel::<()>();
    let runner = tokio::spawn(async move {
        let shutdown = async {
            let _ = stopped.await;
        };
        runner.run(shutdown).await.unwrap();
    });
    while !matches!(signals.recv().await.unwrap(), Signal::Subscribed { .. }) {}
    Platform { sandbox, incident, stop, runner, _folder: folder }
}

impl Platform {
    /// Puts a message on the queue that is like `body`, but for this platform's rule, incident and user.
    async fn replay(&self, rule: &str, mut body: Value) -> Invocation {
        body["incident"]["id"] = json!(self.incident);
        if body["user"].is_object() {
            body["user"]["id"] = json!(1);
        }
        let message = self.sandbox.compose(rule, self.incident, json!({})).unwrap();
        let id = message.invocation;
        let message = with_body(message, |fresh| {
            body["action_id"] = fresh["action_id"].clone();
            *fresh = body;
        });
        let publication = message
            .headers
            .iter()
            .fold(Publication::to(&message.destination), |to, (name, value)| to.header(name, value));
        self.sandbox.publish(publication.body(message.body)).unwrap();
        self.sandbox.settled(id).await
    }

    /// The calls about this incident and its users, without the login and the rule list, ids as `*`.
    fn calls(&self) -> Vec<String> {
        let requests = self.sandbox.requests();
        let about = requests
            .iter()
            .filter(|request| request.path.contains("/incidents/") || request.path.contains("/users/"));
        about.map(|request| format!("{} {}", request.method, starred(&request.path))).collect()
    }

    /// Whether every one of those calls carried the context token of an action.
    fn all_carry_the_token(&self) -> bool {
        let requests = self.sandbox.requests();
        let mut about = requests
            .iter()
            .filter(|request| request.path.contains("/incidents/") || request.path.contains("/users/"));
        about.all(|request| {
            request
                .headers
                .iter()
                .any(|(name, value)| name.eq_ignore_ascii_case("X-Co3ContextToken") && !value.is_empty())
        })
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.runner.await.unwrap();
    }
}

fn starred(path: &str) -> String {
    let parts: Vec<_> =
        path.split('/').map(|part| if part.parse::<i64>().is_ok() { "*" } else { part }).collect();
    parts.join("/")
}

/// A recorded file, or `None` with a note where the recordings are not there.
fn recorded(folder: &str, prefix: &str) -> Option<Value> {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(folder);
    let Ok(files) = std::fs::read_dir(&data) else {
        println!("skipped: no ../shared/data");
        return None;
    };
    let mut paths = files.map(|file| file.unwrap().path());
    let path = paths.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix)).unwrap();
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn example_greets_and_leaves_an_artifact() {
    let platform = start("example").await;
    let id = platform.sandbox.fire("Example Action", platform.incident, json!({})).unwrap();
    let invocation = platform.sandbox.settled(id).await;
    assert_eq!(
        invocation.text(),
        format!(
            "Called from incident {}: Phishing mail\nHello, Phishing mail! An artifact was added.",
            platform.incident
        )
    );
    assert_eq!(platform.sandbox.artifacts(platform.incident).len(), 1);
    assert!(platform.all_carry_the_token());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn add_task_makes_the_recorded_calls() {
    let message = json!({
        "properties": {"task_name": "Call the owner", "task_phase": 7, "task_instructions": null},
        "type_info": {"actioninvocation": {"fields": {"task_phase": {"values": {"7": {"label": "Engage"}}}}}},
        "user": {"id": 1}, "incident": {}, "object_type": 0,
    });
    for message in [Some(message), recorded("messages", "ActionMessage_AddTask")].into_iter().flatten() {
        let platform = start("add_task").await;
        let name = message["properties"]["task_name"].as_str().unwrap().to_owned();
        let invocation = platform.replay("Add Task", message).await;
        assert_eq!(invocation.text(), format!("Task \"{name}\" added to phase Engage"));
        // The calls of the recordings beside the message, in their order.
        let incident = "/rest/orgs/*/incidents/*";
        assert_eq!(
            platform.calls(),
            [
                "GET /rest/orgs/*/users/*".to_owned(),
                format!("GET {incident}/members"),
                format!("PUT {incident}/members"),
                format!("POST {incident}/tasks"),
            ]
        );
        assert!(platform.all_carry_the_token());
        let tasks = platform.sandbox.tasks(platform.incident);
        assert_eq!(
            (tasks[0]["name"].as_str(), tasks[0]["owner_id"].as_i64()),
            (Some(name.as_str()), Some(1))
        );
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_lookup_makes_the_recorded_calls() {
    let message = json!({"incident": {"properties": {"custom1": "value2", "custom2": null}}, "user": {"id": 1}, "object_type": 0});
    for message in [Some(message), recorded("messages", "ActionMessage_Lookup_Value")].into_iter().flatten() {
        let platform = start("file_lookup").await;
        let invocation = platform.replay("Lookup Value", message).await;
        assert_eq!(invocation.text(), "custom2 set to \"some details about value 2\"");
        assert_eq!(platform.calls(), ["GET /rest/orgs/*/incidents/*", "PUT /rest/orgs/*/incidents/*"]);
        assert!(platform.all_carry_the_token());
        let incident = platform.sandbox.incident(platform.incident);
        assert_eq!(incident["properties"]["custom2"], "some details about value 2");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_saves_its_incident_does_not_fire_itself() {
    let platform = start("file_lookup").await;
    platform.sandbox.edit_incident(platform.incident, json!({"properties": {"custom1": "value1"}})).unwrap();
    let fired = platform.sandbox.fired("Lookup Value", 1).await;
    let invocation = platform.sandbox.settled(fired[0].id).await;
    assert_eq!(invocation.status, Status::Completed);
    assert_eq!(platform.sandbox.invocations().len(), 1, "the action's own change fired its rule again");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_a_rule_and_its_handling_is_kept() {
    let platform = start("file_lookup").await;
    let sandbox = &platform.sandbox;
    // The message holds the incident as it was when the rule fired.
    let message = sandbox.compose("Lookup Value", platform.incident, json!({})).unwrap();
    let id = message.invocation;
    let message = with_body(message, |body| body["incident"]["properties"]["custom1"] = json!("value1"));
    sandbox.edit_incident(platform.incident, json!({"name": "Renamed meanwhile"})).unwrap();
    let publication = message
        .headers
        .iter()
        .fold(Publication::to(&message.destination), |to, (name, value)| to.header(name, value));
    sandbox.publish(publication.body(message.body)).unwrap();
    assert_eq!(sandbox.settled(id).await.status, Status::Completed);
    let incident = sandbox.incident(platform.incident);
    assert_eq!(incident["name"], "Renamed meanwhile");
    assert_eq!(incident["properties"]["custom2"], "some details about value 1");
    platform.stop().await;
}
