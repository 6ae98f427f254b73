//! The control queue on a real broker: requests to components, with the checks of TcEx's API services.

use circuits_control::Bodies;
use circuits_journal::SqliteStore;
use circuits_tests::broker::Kind;
use circuits_tests::eventful::{Eventful, Working, basic};
use circuits_tests::probe::PROBE;
use circuits_tests::world::On;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::commander::Commander;
use crate::desk::{COUNT, DESK, GATE, SEEN, WAITING};

const ON: &str =
    "[desk]\ngreeting=hello\n[control]\nqueue=circuits.201.r1.control\nreply=circuits.201.r1.status\n";

/// A runner with a control queue, and the one who gives commands.
struct Controlled {
    it: Eventful,
    runner: Option<Working>,
    commander: Commander,
    _turn: MutexGuard<'static, ()>,
}

/// What the component counts is of one test at a time, also where all of them are in one process.
static TURN: Mutex<()> = Mutex::const_new(());

impl Controlled {
    async fn start(name: &str, kind: Kind) -> Self {
        let turn = TURN.lock().await;
        let it = Eventful::start_on(name, On::Real(kind)).await;
        let commander = Commander::of(&it.world).await;
        let runner = Some(it.run_with(&[&PROBE, &DESK], ON).await);
        let mut it = Self { it, runner, commander, _turn: turn };
        assert_eq!(it.commander.answer().await["command"], "Ready");
        it
    }

    async fn metric(&mut self) -> Value {
        self.commander.ask(json!({"command": "Heartbeat"})).await["metric"].take()
    }

    fn bodies(&self) -> Bodies {
        Bodies::new(std::sync::Arc::new(SqliteStore::open(&self.it.store()).unwrap()))
    }

    async fn body(&self, request: &str) -> String {
        let body = self.bodies().get(request, "response.body").await.unwrap().unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn end(mut self) {
        self.runner.take().unwrap().stop().await;
    }
}

fn request(path: &str, key: &str) -> Value {
    json!({"command": "RunService", "method": "GET", "path": path, "requestKey": key})
}

#[tokio::test(flavor = "multi_thread")]
async fn tc_10_and_tc_12_one_router_answers_over_the_queue_and_over_http() {
    let mut it = Controlled::start("tc 10", Kind::ActiveMq).await;
    it.bodies().put("123abc", "request.body", b"hello").await.unwrap();
    SEEN.lock().unwrap().clear();
    let answer = it
        .commander
        .ask(json!({
            "command": "RunService", "apiToken": "abc123", "bodyVariable": "request.body",
            "headers": [{"name": "Accept", "value": "*/*"}, {"name": "Content-Type", "value": "text/plain"}],
            "method": "get", "path": "/data",
            "queryParams": [{"name": "a", "value": "1 2&x"}, {"name": "b", "value": "2"}],
            "requestKey": "123abc",
            "userConfig": [{"name": "tlpExportSetting", "value": "TLP:RED"}],
        }))
        .await;
    let expected = json!({
        "bodyVariable": "response.body", "command": "Acknowledged",
        "headers": [{"name": "content-type", "value": "application/json"}, {"name": "content-length", "value": "11"}],
        "requestKey": "123abc", "status": "OK", "statusCode": "200", "type": "RunService",
    });
    assert_eq!(answer, expected);
    assert_eq!(it.body("123abc").await, "{\"ok\":true}");
    let (seen, headers) = SEEN.lock().unwrap().remove(0);
    assert_eq!(seen, "GET /data?a=1%202%26x&b=2 hello");
    assert!(headers["accept"] == "*/*" && headers["content-type"] == "text/plain");

    // The same over HTTP.
    let headers = [("Accept", "*/*"), ("Content-Type", "text/plain")];
    let over_http = it.it.http_with("GET", "/desk/data?a=1%202%26x&b=2", &headers, b"hello").await;
    assert_eq!(over_http, (200, "{\"ok\":true}".to_owned()));
    assert_eq!(SEEN.lock().unwrap().remove(0).0, seen);
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tc_11_a_request_without_a_path_or_with_a_panicking_handler_is_answered_once() {
    let mut it = Controlled::start("tc 11", Kind::ActiveMq).await;
    let sample = json!({
        "command": "RunService", "apiToken": "abc123", "bodyVariable": "request.body", "headers": [], "method": "GET",
        "queryParams": [], "requestKey": "123abc", "userConfig": [{"name": "tlpExportSetting", "value": "TLP:RED"}],
    });
    let answer = it.commander.ask(sample).await;
    assert_eq!((&answer["statusCode"], &answer["type"]), (&json!("400"), &json!("RunService")), "{answer}");
    assert!(it.body("123abc").await.contains("`path`"));
    assert_eq!(it.metric().await["Errors"], 1);
    let answer = it.commander.ask(request("/panic", "p")).await;
    assert_eq!((&answer["statusCode"], &answer["requestKey"]), (&json!("500"), &json!("p")), "{answer}");
    assert_eq!(it.metric().await["Errors"], 2);
    for (command, status) in [
        (json!({"command": "RunService", "path": "/data"}), "400"),
        (json!({"command": "RunService", "path": "/nothing", "requestKey": "a"}), "404"),
        // Only components: the control queue is no way around the accounts.
        (json!({"command": "RunService", "path": "/management/auth", "requestKey": "a"}), "404"),
        (json!({"command": "RunService", "path": "/data\u{7f} x", "requestKey": "a"}), "400"),
        (json!({"command": "RunService", "path": "/data", "requestKey": "a", "method": "G E T"}), "400"),
        (json!({"command": "RunService", "path": "/data", "requestKey": "a", "headers": {"a": "b"}}), "400"),
        (
            json!({"command": "RunService", "path": "/data", "requestKey": "a", "headers": [{"name": "a b", "value": ""}]}),
            "400",
        ),
        (json!({"command": "RunService", "path": "/data", "requestKey": "a", "queryParams": [7]}), "400"),
        (json!({"command": "RunService", "path": "/data", "requestKey": "a", "body": "%"}), "400"),
    ] {
        let answer = it.commander.ask(command.clone()).await;
        assert_eq!(answer["statusCode"], status, "{command}: {answer}");
    }
    for body in ["not json", "{}", r#"{"command":"Nope"}"#, r#"{"command":"Heartbeat","triggerId":"abc"}"#] {
        it.commander.say(&[], body).await;
        let answer = it.commander.answer().await;
        assert_eq!(
            (&answer["command"], &answer["status"]),
            (&json!("Acknowledged"), &json!("Failed")),
            "{body}: {answer}"
        );
    }
    // Two were answered with 404, which is nobody's error.
    assert_eq!(it.metric().await["Errors"], 13);
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tc_13_five_requests_run_at_a_time_and_a_heartbeat_passes_them() {
    let mut it = Controlled::start("tc 13", Kind::RabbitMq).await;
    let mut waiting = WAITING.subscribe();
    let before = *waiting.borrow_and_update();
    for number in 0..6 {
        it.commander.say(&[], &request("/gate", &number.to_string()).to_string()).await;
    }
    waiting.wait_for(|waiting| *waiting == before + 5).await.unwrap();
    assert_eq!(it.metric().await["Requests"], 6, "the heartbeat is answered while they wait");
    assert_eq!(*waiting.borrow(), before + 5);
    GATE.add_permits(1);
    assert_eq!(it.commander.answer().await["statusCode"], "200");
    waiting.wait_for(|waiting| *waiting == before + 6).await.unwrap();
    GATE.add_permits(5);
    for _ in 0..5 {
        assert_eq!(it.commander.answer().await["statusCode"], "200");
    }
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_come_with_the_command_and_then_goes_back_with_the_answer() {
    let mut it = Controlled::start("bodies", Kind::ActiveMq).await;
    SEEN.lock().unwrap().clear();
    let mut command = request("/desk/data", "k");
    command["body"] = "aGVsbG8=".into();
    let answer = it.commander.ask(command).await;
    assert_eq!((&answer["body"], &answer["bodyVariable"]), (&json!("eyJvayI6dHJ1ZX0="), &Value::Null));
    assert_eq!(SEEN.lock().unwrap().remove(0).0, "GET /data hello");

    // Or they lie in the runner's store, for those who may manage everything.
    it.it.account("ann", &["manage"]).await;
    it.it.account("bob", &["manage:component/desk", "read"]).await;
    let path = "/control/bodies/r%2F1/request.body";
    for (name, put, get) in [("bob", 403, 403), ("ann", 204, 200)] {
        let (header, value) = basic(name);
        assert_eq!(it.it.http_with("PUT", path, &[(header, &value)], b"there").await.0, put);
        assert_eq!(it.it.http_with("GET", path, &[(header, &value)], b"").await.0, get);
    }
    assert_eq!(it.it.http_with("GET", path, &[], b"").await.0, 401);
    let mut command = request("/data", "r/1");
    command["bodyVariable"] = "request.body".into();
    assert_eq!(it.commander.ask(command).await["statusCode"], "200");
    assert_eq!(SEEN.lock().unwrap().remove(0).0, "GET /data there");
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_once_though_the_broker_goes_away_meanwhile() {
    let mut it = Controlled::start("redelivered request", Kind::ActiveMq).await;
    let mut waiting = WAITING.subscribe();
    let before = *waiting.borrow_and_update();
    it.commander.say(&[], &request("/gate", "once").to_string()).await;
    waiting.wait_for(|waiting| *waiting == before + 1).await.unwrap();
    it.it.world.restart_broker().await;
    GATE.add_permits(1);
    let answer = it.commander.answer().await;
    assert_eq!((&answer["statusCode"], &answer["requestKey"]), (&json!("200"), &json!("once")));
    // What comes next is the answer to what is asked next.
    let first = COUNT.load(std::sync::atomic::Ordering::SeqCst);
    let mut command = request("/count", "twice");
    command["method"] = "POST".into();
    command["body"] = "".into();
    let answer = it.commander.ask(command).await;
    assert_eq!((&answer["requestKey"], &answer["statusCode"]), (&json!("twice"), &json!("200")));
    assert_eq!(COUNT.load(std::sync::atomic::Ordering::SeqCst), first + 1);
    assert_eq!(*waiting.borrow(), before + 1, "it was not begun again");
    it.end().await;
}
