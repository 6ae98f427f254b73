//! The control queue of a runner in a process of its own, with the checks of TcEx's common services.

use std::path::Path;
use std::process::Command;

use circuits_sandbox::Status;
use circuits_tests::broker::Kind;
use circuits_tests::command::{Said, said};
use circuits_tests::suite::Process;
use circuits_tests::world::{On, World};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commander::{Commander, QUEUE, REPLY};

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

/// A platform with a real broker, and the one who steers.
struct Steered {
    world: World,
    folder: TempDir,
    control: String,
    commander: Commander,
}

impl Steered {
    /// With these lines in `[control]`.
    async fn new(kind: Kind, more: &str) -> Self {
        let world = World::start(On::Real(kind)).await;
        let commander = Commander::of(&world).await;
        let control = format!("[control]\nqueue={QUEUE}\nreply={REPLY}\n{more}\n");
        Self { world, folder: tempfile::tempdir().unwrap(), control, commander }
    }

    fn config(&self) -> String {
        let journal = self.folder.path().join("journal");
        let settings = format!("journal={}\nloglevel=INFO", journal.display());
        format!("{}[probe]\n{}", self.world.app_config(&settings), self.control)
    }

    async fn start(&mut self) -> Process {
        let runner = Process::start(Path::new(BINARY), self.folder.path(), &self.config());
        let ready = self.commander.answer().await;
        assert_eq!(ready["command"], "Ready");
        assert_eq!(ready["destinations"], json!(["actions.201.probe"]));
        runner
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("logs/app.log")).unwrap()
    }

    /// `circuits control` with these arguments.
    fn control(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(BINARY);
        command.arg("control").args(arguments);
        command.arg("--config-file").arg(self.folder.path().join("app.config"));
        said(&command.output().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tc_1_2_3_and_6_a_runner_says_that_it_is_ready_and_answers_each_command_once() {
    let mut it = Steered::new(Kind::ActiveMq, "").await;
    let runner = it.start().await;
    // Ready comes once, and not before it listens.
    assert!(it.log().contains("Subscribed to message destination actions.201.probe"), "{}", it.log());
    for name in ["Heartbeat", "hEARTBEAT"] {
        let beat = it
            .commander
            .ask(json!({"command": name, "metric": {}, "memoryPercent": 0, "cpuPercent": 0}))
            .await;
        assert_eq!(beat["command"], "Heartbeat");
        assert_eq!(
            (&beat["metric"]["Errors"], &beat["metric"]["Requests"]),
            (&json!(0), &json!(0)),
            "{beat}"
        );
    }

    assert_eq!(
        it.commander.ask(json!({"command": "LoggingChange", "level": "DEBUG"})).await["status"],
        "Success"
    );
    let incident = it.world.incident();
    let id = it.world.fire("Echo", incident).await;
    it.world.settled(id).await;
    runner.logs("DEBUG").await;
    let loud = it.commander.ask(json!({"command": "LoggingChange", "level": "LOUD"})).await;
    assert_eq!((&loud["status"], &loud["type"]), (&json!("Failed"), &json!("LoggingChange")));
    assert!(loud["message"].as_str().unwrap().contains("DEBUG, INFO"), "{loud}");

    for body in ["not json", "{}", r#"{"command":"Nope"}"#, r#"{"command":"Heartbeat","triggerId":"abc"}"#] {
        it.commander.say(&[], body).await;
        let answer = it.commander.answer().await;
        assert_eq!(
            (&answer["command"], &answer["status"]),
            (&json!("Acknowledged"), &json!("Failed")),
            "{body}"
        );
    }
    assert_eq!(it.commander.ask(json!({"command": "BrokerCheck"})).await["type"], "BrokerCheck");
    // An answer is not answered: two that share queues would never be done.
    it.commander.say(&[], r#"{"command": "Acknowledged", "type": "Shutdown"}"#).await;
    assert_eq!(it.commander.ask(json!({"command": "Heartbeat"})).await["metric"]["Errors"], 5);
    assert_eq!(runner.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tc_4_shutdown_is_acknowledged_and_what_runs_is_finished_and_answered() {
    let mut it = Steered::new(Kind::RabbitMq, "").await;
    let runner = it.start().await;
    let incident = it.world.incident();
    let (running, waiting) = (it.world.fire("Slow", incident).await, it.world.fire("Echo", incident).await);
    it.world.sandbox.until(running, |invocation| invocation.text().contains("slowly")).await;
    let answer =
        it.commander.ask(json!({"command": "Shutdown", "reason": "Service disabled by user."})).await;
    assert_eq!((&answer["command"], &answer["type"]), (&json!("Acknowledged"), &json!("Shutdown")));
    assert_eq!(it.world.sandbox.invocation(running).unwrap().status, Status::Pending);
    runner.logs("Stopping: running handlers may finish").await;
    assert!(it.log().contains("Service disabled by user."), "{}", it.log());
    runner.signal("USR1");
    assert_eq!(runner.ended().await, Some(0));
    assert_eq!(it.world.settled(running).await.status, Status::Completed);
    assert_eq!(it.world.sandbox.invocation(waiting).unwrap().status, Status::Pending);
    // The command is done with: the next runner stays.
    let next = it.start().await;
    assert_eq!(it.world.settled(waiting).await.status, Status::Completed);
    assert_eq!(next.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tc_5_a_runner_that_hears_nothing_looks_whether_the_broker_is_there() {
    let mut it = Steered::new(Kind::ActiveMq, "heartbeat_timeout=1").await;
    let runner = it.start().await;
    runner.logs("the runner sends a BrokerCheck to itself").await;
    runner.logs("nobody sends heartbeats").await;
    assert_eq!(runner.terminate().await, Some(0));

    it.control += "missed_heartbeat=shutdown\n";
    let runner = Process::start(Path::new(BINARY), it.folder.path(), &it.config());
    runner.logs("Missed heartbeat commands.").await;
    assert_eq!(runner.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_steer_from_the_shell_of_any_machine() {
    let mut it = Steered::new(Kind::ActiveMq, "").await;
    let runner = it.start().await;
    let beat = it.control(&["heartbeat"]);
    assert!(beat.code == 0 && beat.out.contains("Handled     0"), "{beat:?}");
    for arguments in [&["check"][..], &["loglevel", "warning"], &["pause", "probe"]] {
        let done = it.control(arguments);
        assert_eq!((done.code, done.out.as_str()), (0, "Done.\n"), "{done:?}");
    }
    let incident = it.world.incident();
    let held = it.world.fire("Echo", incident).await;
    let unknown = it.control(&["pause", "nowhere"]);
    assert!(unknown.code == 1 && unknown.err.contains("it does on probe"), "{unknown:?}");
    let wrong = it.control(&["loglevel", "loud"]);
    assert!(wrong.code == 1 && wrong.err.contains("DEBUG, INFO"), "{wrong:?}");
    assert_eq!(it.world.sandbox.invocation(held).unwrap().status, Status::Pending);
    // A pause outlives the runner.
    assert!(it.control(&["shutdown", "--reason", "update"]).out.contains("Done."));
    assert_eq!(runner.ended().await, Some(0));
    let next = it.start().await;
    let beat: Value = serde_json::from_str(&it.control(&["heartbeat", "--json"]).out).unwrap();
    assert_eq!(beat["metric"]["Handled"], 0);
    assert_eq!(it.world.sandbox.invocation(held).unwrap().status, Status::Pending);
    assert_eq!(it.control(&["resume", "probe"]).code, 0);
    assert_eq!(it.world.settled(held).await.status, Status::Completed);
    assert_eq!(next.terminate().await, Some(0));
    // Nobody is there to answer, and nobody carries it out later.
    let nobody = it.control(&["shutdown", "--timeout", "1"]);
    assert!(nobody.code == 1 && nobody.err.contains("the command is void"), "{nobody:?}");
    let next = it.start().await;
    assert_eq!(it.control(&["check"]).code, 0);
    assert_eq!(next.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_secret_only_signed_commands_count_and_each_of_them_once() {
    let mut it = Steered::new(Kind::ActiveMq, "secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").await;
    let runner = it.start().await;
    let answer = it.commander.ask(json!({"command": "Shutdown"})).await;
    assert!(answer["message"].as_str().unwrap().contains("signature"), "{answer}");
    assert_eq!(it.control(&["check"]).code, 0);

    // What somebody saw on the broker and sends again.
    let key = standardwebhooks::Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let body = r#"{"command":"Heartbeat"}"#;
    let signed = |id: &str, at: i64| {
        let signature = key.sign(id, at, body.as_bytes()).unwrap();
        [("webhook-id", id), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &signature)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let now = jiff::Timestamp::now().as_second();
    for (headers, body, expected) in [
        (signed("a", now), body, "Heartbeat"),
        (signed("a", now), body, "came before"),
        (signed("b", now), r#"{"command":"Shutdown"}"#, "signature"),
        (signed("c", now - 3600), body, "five minutes"),
        (signed("d", now + 3600), body, "five minutes"),
    ] {
        it.commander.say(&headers, body).await;
        let answer = it.commander.answer().await.to_string();
        assert!(answer.contains(expected), "{answer}");
    }
    assert!(!it.log().contains("MfKQ9r8"), "the secret is in the log");
    assert_eq!(runner.terminate().await, Some(0));
}
