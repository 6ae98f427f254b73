//! The JSON API as its users see it: what it shows to whom, what it changes, and what it refuses.

use std::path::Path;
use std::time::SystemTime;

use circuits::history::Filter;
use circuits_journal::EventLog;
use circuits_sandbox::Status;
use circuits_tests::command::Place;
use circuits_tests::eventful::{ACCOUNT_PASSWORD, Eventful, Working};
use circuits_tests::probe::MARKUP;
use circuits_tests::suite::Process;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use circuits_api as _;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

/// A runner with an API, and accounts by the names of their rights.
struct Desk {
    it: Eventful,
    runner: Working,
    tokens: Vec<(&'static str, String)>,
}

impl Desk {
    /// A runner with these lines in `[resilient]`, and an account for each of these rights, named like its right.
    async fn open(name: &str, more: &str, rights: &[&'static str]) -> Self {
        let it = Eventful::start(name).await;
        let runner = it.run(more).await;
        let mut desk = Self { it, runner, tokens: Vec::new() };
        for right in rights {
            let token = log_in(&desk.it, right).await;
            desk.tokens.push((right, token));
        }
        desk
    }

    fn token(&self, right: &str) -> String {
        let (_, token) = self.tokens.iter().find(|(name, _)| *name == right).unwrap();
        format!("Bearer {token}")
    }

    /// Asks as the account with this right.
    async fn ask(&self, right: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let authorization = self.token(right);
        let headers = [("Authorization", authorization.as_str())];
        let path = format!("/api/v1{path}");
        let (status, body) = self.it.http_with(method, &path, &headers, body.as_bytes()).await;
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{method} {path}: {body}")))
    }

    async fn get(&self, right: &str, path: &str) -> Value {
        let (status, value) = self.ask(right, "GET", path, "").await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn post(&self, right: &str, path: &str) -> (u16, Value) {
        self.ask(right, "POST", path, "").await
    }

    /// The answer at this path, once `done` holds for it.
    async fn until(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.get("manage", path).await;
            if done(&value) {
                return value;
            }
        }
    }

    /// The number of the newest message.
    async fn newest(&self) -> i64 {
        self.get("manage", "/actions?limit=1").await["actions"][0]["number"].as_i64().unwrap()
    }
}

/// Makes an account with this right, named like it, and logs it in.
async fn log_in(it: &Eventful, right: &str) -> String {
    // A name has no colon.
    let name = right.replace(':', ".");
    it.account(&name, &[right]).await;
    let body = json!({"username": name, "password": ACCOUNT_PASSWORD}).to_string();
    let (status, body) = it.http("POST", "/management/auth", "", body.as_bytes()).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["token"].as_str().unwrap().to_owned()
}

/// A reader of the stream.
struct Stream(BufReader<TcpStream>);

impl Stream {
    async fn open(desk: &Desk, right: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", desk.it.port)).await.unwrap();
        let request = format!(
            "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
            desk.token(right)
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    /// The next snapshot; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap() == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The first snapshot that `wanted` accepts.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let snapshot = self.next().await.expect("the stream goes on");
            if wanted(&snapshot) {
                return snapshot;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_account_nothing_is_shown_and_the_cure_is_named() {
    let it = Eventful::start("api without accounts").await;
    let runner = it.run("").await;
    for user in ["", "ann"] {
        for (method, path) in [
            ("GET", "/me"),
            ("GET", "/runner"),
            ("GET", "/stream"),
            ("GET", "/openapi.json"),
            ("POST", "/destinations/probe/pause"),
            ("PUT", "/log_level"),
        ] {
            let (status, text) = it.http(method, &format!("/api/v1{path}"), user, b"").await;
            assert!(
                status == 403 && text.contains("`circuits account add`"),
                "{user} {path}: {status} {text}"
            );
        }
    }
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_sees_and_steers_what_it_has_the_right_for() {
    const RIGHTS: [&str; 6] = [
        "manage",
        "read",
        "manage:destination/probe",
        "read:component/probe",
        "read:destination/other",
        "manage:destination/other",
    ];
    let desk = Desk::open("api rights", "", &RIGHTS).await;
    let (incident, ..) = desk.it.fire("Fail").await;
    let number = desk.newest().await;
    for (right, sees, steers) in [
        ("manage", true, true),
        ("read", true, false),
        ("manage:destination/probe", true, true),
        ("read:component/probe", true, false),
        ("read:destination/other", false, false),
        ("manage:destination/other", false, false),
    ] {
        let me = desk.get(right, "/me").await;
        assert_eq!(me["rights"], json!([right]));
        let manages = match right {
            "manage" => json!("*"),
            _ if steers => json!(["probe"]),
            _ => json!([]),
        };
        assert_eq!(me["manages"], manages, "{right}");
        let count = usize::from(sees);
        let runner = desk.get(right, "/runner").await;
        assert_eq!(runner["destinations"].as_array().unwrap().len(), count, "{right}: {runner}");
        let listed = desk.get(right, &format!("/actions?incident={incident}&destination=probe")).await;
        assert_eq!(listed["actions"].as_array().unwrap().len(), count, "{right}: {listed}");
        assert_eq!(
            desk.get(right, "/failures").await["failures"].as_array().unwrap().len(),
            count,
            "{right}"
        );
        let failed: i64 = desk.get(right, "/traffic").await["minutes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|minute| minute["failed"].as_i64().unwrap())
            .sum();
        assert_eq!(failed, i64::from(sees), "{right}");
        assert!(desk.get(right, "/now").await["actions"].as_array().unwrap().is_empty());
        let (status, story) = desk.ask(right, "GET", &format!("/actions/{number}"), "").await;
        assert_eq!(status, if sees { 200 } else { 403 }, "{right}: {story}");
        for path in ["/destinations/probe/resume".to_owned(), format!("/actions/{number}/drop")] {
            let (status, answer) = desk.post(right, &path).await;
            let expected = match (steers, path.ends_with("/drop")) {
                (false, _) => 403,
                (true, true) => 409,
                (true, false) => 200,
            };
            assert_eq!(status, expected, "{right} {path}: {answer}");
        }
        let all = right == "manage";
        let (status, answer) = desk.ask(right, "PUT", "/log_level", r#"{"level": "debug"}"#).await;
        assert_eq!(status, if all { 200 } else { 403 }, "{right}: {answer}");
        assert_eq!(desk.ask(right, "GET", "/audit", "").await.0, if all { 200 } else { 403 }, "{right}");
    }
    assert_eq!(desk.get("read", "/runner").await["log_level"], "DEBUG");
    let trail = desk.get("manage", "/audit?limit=500").await;
    let has = |account: &str, what: &str, on: &str, outcome: &str| {
        let entry = |entry: &Value| {
            entry["account"] == account
                && entry["what"] == what
                && entry["on"] == on
                && entry["outcome"] == outcome
        };
        let found = trail["entries"].as_array().unwrap().iter().any(entry);
        assert!(found, "{account} {what} {on} {outcome} is not in {trail:#}");
    };
    has("manage", "resume", "probe", "done");
    has("read", "resume", "probe", "refused");
    has("manage.destination/other", "drop", &format!("#{number}"), "refused");
    has("manage", "log_level", "debug", "done");
    has("read", "log_level", "debug", "refused");
    assert_eq!(trail["entries"][0]["from"], "127.0.0.1");
    desk.runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_messages_are_shown_as_the_commands_show_them_and_markup_stays_as_it_is() {
    let desk = Desk::open("api shows", "", &["manage"]).await;
    let name = "<script>alert('incident')</script>";
    let incident =
        desk.it.world.sandbox.create_incident(json!({"name": name, "discovered_date": 0})).unwrap();
    let fired = desk.it.world.fire(MARKUP, incident).await;
    assert_eq!(desk.it.world.settled(fired).await.status, Status::Error);
    let (.., looked) = desk.it.fire("Look").await;
    assert_eq!(looked, Status::Completed);
    let settled =
        |page: &Value| page["actions"].as_array().unwrap().iter().all(|one| !one["settled"].is_null());
    let page = desk.until("/actions", settled).await;
    let log = EventLog::open(&desk.it.journal()).unwrap();
    let listed = log.list(&Filter::default(), 50).unwrap();
    assert_eq!(page["actions"], serde_json::to_value(&listed).unwrap());
    assert_eq!(page["next"], Value::Null);
    for event in &listed {
        let mut expected = serde_json::to_value(log.show(event.number).unwrap()).unwrap();
        expected["events"] = json!([]);
        assert_eq!(desk.get("manage", &format!("/actions/{}", event.number)).await, expected);
    }
    let story = desk.get("manage", &format!("/actions/{}", listed[1].number)).await;
    assert_eq!((&story["rule"], &story["body"]["incident"]["name"]), (&json!(MARKUP), &json!(name)));
    let steps = desk.get("manage", &format!("/actions/{}", listed[0].number)).await["steps"].clone();
    let kinds: Vec<_> = steps.as_array().unwrap().iter().map(|step| step["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["status", "call"]);
    let failures = desk.get("manage", "/failures").await;
    assert_eq!(
        (&failures["failures"][0]["rule"], &failures["failures"][0]["count"]),
        (&json!(MARKUP), &json!(1))
    );
    let first = desk.get("manage", "/actions?limit=1").await;
    let second = desk.get("manage", &format!("/actions?limit=1&before={}", first["next"])).await;
    assert_eq!((&first["actions"][0], &second["actions"][0]), (&page["actions"][0], &page["actions"][1]));
    assert_eq!(second["next"], Value::Null);
    for (query, count) in [
        ("status=failed", 1),
        ("status=dead", 0),
        ("rule=Look", 1),
        ("destination=probe", 2),
        ("destination=other", 0),
        ("since=2200-01-01T00:00:00Z", 0),
        ("until=2200-01-01T00:00:00Z", 2),
    ] {
        let found = desk.get("manage", &format!("/actions?{query}")).await;
        assert_eq!(found["actions"].as_array().unwrap().len(), count, "{query}: {found}");
    }
    desk.runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_with_its_cure() {
    let desk = Desk::open("api refuses", "", &["manage"]).await;
    for (method, path, body, status, cure) in [
        ("GET", "/actions?limit=0", "", 400, "1 to 500"),
        ("GET", "/actions?limit=501", "", 400, "1 to 500"),
        ("GET", "/actions?limit=99999999999999", "", 400, "openapi.json"),
        ("GET", "/actions?limit=-1", "", 400, "openapi.json"),
        ("GET", "/actions?incident=x", "", 400, "openapi.json"),
        ("GET", "/actions?colour=red", "", 400, "colour"),
        ("GET", "/actions?status=asleep", "", 400, "waiting, running, finished, completed, failed, dead"),
        ("GET", "/actions?since=yesterday", "", 400, "2026-01-31T08:00:00Z"),
        ("GET", "/failures?since=7", "", 400, "2026-01-31T08:00:00Z"),
        ("GET", "/audit?limit=501", "", 400, "1 to 500"),
        ("GET", "/actions/abc", "", 400, "/api/v1/actions"),
        ("GET", "/actions/99999999999999999999", "", 400, "/api/v1/actions"),
        ("GET", "/actions/4711", "", 404, "circuits events list"),
        ("POST", "/actions/4711/retry", "", 404, "circuits events list"),
        ("GET", "/actions/1/retry", "", 405, "openapi.json"),
        ("GET", "/nothing", "", 404, "openapi.json"),
        ("GET", "/../../etc/passwd", "", 404, "openapi.json"),
        ("DELETE", "/runner", "", 405, "openapi.json"),
        ("POST", "/destinations/nowhere/pause", "", 404, "probe"),
        ("PUT", "/log_level", r#"{"level": "loud"}"#, 400, "DEBUG, INFO"),
        ("PUT", "/log_level", "loud", 400, "{\"level\": \"DEBUG\"}"),
    ] {
        let (answered, text) = desk.ask("manage", method, path, body).await;
        let text = text["error"].as_str().unwrap();
        assert!(answered == status && text.contains(cure), "{method} {path}: {answered} {text}");
    }
    desk.runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_action_runs_again_and_a_queued_one_is_set_aside_and_dropped() {
    let desk = Desk::open("api retry", "", &["manage"]).await;
    let (.., failed) = desk.it.fire("Fail").await;
    assert_eq!((failed, desk.it.probe.runs().len()), (Status::Error, 1));
    let number = desk.newest().await;
    desk.until(&format!("/actions/{number}"), |one| one["status"] == "failed").await;
    let (status, new) = desk.post("manage", &format!("/actions/{number}/retry")).await;
    assert_eq!(status, 202, "{new}");
    desk.it.probe.begun(2).await;
    let again = desk.until(&format!("/actions/{}", new["number"]), |one| one["status"] == "failed").await;
    assert_eq!(again["rerun_of"], number);
    assert_eq!(desk.get("manage", &format!("/actions/{number}")).await["reruns"], json!([new["number"]]));

    assert_eq!(desk.post("manage", "/destinations/probe/pause").await.0, 200);
    let held = desk.it.world.fire("Echo", desk.it.world.incident()).await;
    let now = desk.until("/now", |now| now["actions"][0]["state"] == "queued").await;
    let number = &now["actions"][0]["number"];
    assert_eq!(now["actions"][0]["reason"], "its destination is paused");
    for path in ["retry", "drop"] {
        let (status, text) = desk.post("manage", &format!("/actions/{number}/{path}")).await;
        assert_eq!(status, 409, "{path}: {text}");
    }
    let (status, answer) = desk.post("manage", &format!("/actions/{number}/set_aside")).await;
    assert_eq!((status, &answer["number"]), (200, number), "{answer}");
    let answered = desk.it.world.settled(held).await;
    assert!(answered.text().contains("Set aside by the account manage"), "{}", answered.text());
    desk.until(&format!("/actions/{number}"), |one| one["status"] == "dead").await;
    assert_eq!(desk.post("manage", &format!("/actions/{number}/set_aside")).await.0, 409);
    assert_eq!(desk.post("manage", &format!("/actions/{number}/drop")).await.0, 200);
    assert_eq!(desk.ask("manage", "GET", &format!("/actions/{number}"), "").await.0, 404);
    assert_eq!(desk.it.probe.runs().len(), 2, "what was set aside never ran");
    desk.runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_over_a_restart_until_it_is_resumed() {
    let mut desk = Desk::open("api pause", "", &["manage"]).await;
    let before = SystemTime::now();
    let (status, paused) = desk.post("manage", "/destinations/probe/pause").await;
    assert_eq!((status, &paused["name"], &paused["paused"]["by"]), (200, &json!("probe"), &json!("manage")));
    let since: jiff::Timestamp = paused["paused"]["since"].as_str().unwrap().parse().unwrap();
    assert!(SystemTime::from(since) + std::time::Duration::from_millis(1) >= before);
    let held = desk.it.world.fire("Echo", desk.it.world.incident()).await;
    desk.until("/runner", |runner| runner["destinations"][0]["queued"] == 1).await;
    desk.runner.stop().await;
    desk.runner = desk.it.run("").await;
    let runner = desk.until("/runner", |runner| runner["destinations"][0]["queued"] == 1).await;
    assert_eq!(runner["destinations"][0]["paused"], paused["paused"]);
    assert!(desk.it.probe.runs().is_empty());
    let (status, resumed) = desk.post("manage", "/destinations/probe/resume").await;
    assert_eq!((status, resumed), (200, json!({"name": "probe", "paused": null})));
    assert_eq!(desk.it.world.settled(held).await.status, Status::Completed);
    desk.runner.stop().await;
    desk.it.probe.assert_nothing_ran_twice();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_logs_at_the_level_that_is_set_and_keeps_a_pause_when_it_is_killed() {
    let (it, place) = (Eventful::start("api process").await, Place::new(BINARY));
    let config = format!("{}[probe]\n", it.world.app_config(&it.settings("loglevel=INFO")));
    let runner = Process::start(Path::new(BINARY), &place.path(""), &config);
    runner.logs("started successfully").await;
    let token = format!("Bearer {}", log_in(&it, "manage").await);
    let ask = async |method: &str, path: &str, body: &str| {
        let headers = [("Authorization", token.as_str())];
        it.http_with(method, &format!("/api/v1{path}"), &headers, body.as_bytes()).await
    };
    let quiet = ask("PUT", "/log_level", r#"{"level": "error"}"#).await;
    assert_eq!(quiet, (200, r#"{"level":"ERROR"}"#.to_owned()));
    assert_eq!(ask("POST", "/destinations/probe/resume", "").await.0, 200);
    assert_eq!(ask("PUT", "/log_level", r#"{"level": "info"}"#).await.0, 200);
    assert_eq!(ask("POST", "/destinations/probe/pause", "").await.0, 200);
    runner.logs("what=pause").await;
    let log = place.read("logs/app.log");
    assert!(!log.contains("what=resume"), "it was not logged at ERROR:\n{log}");
    let held = it.world.fire("Echo", it.world.incident()).await;
    runner.signal("KILL");
    drop(runner);
    let runner = Process::start(Path::new(BINARY), &place.path(""), &config);
    runner.logs("The destination is paused: nothing begins there until somebody resumes it").await;
    // Both that the last process subscribed and that this one did are in the log.
    while it.world.sandbox.queue_stats(&it.world.sandbox.queue("probe")).unacked == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask("POST", "/destinations/probe/resume", "").await.0, 200);
    assert_eq!(it.world.settled(held).await.status, Status::Completed);
    assert_eq!(runner.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_shows_an_action_come_and_go_and_ends_with_the_runner() {
    let desk = Desk::open("api stream", "", &["manage", "read:destination/other"]).await;
    let mut stream = Stream::open(&desk, "manage").await;
    let first = stream.next().await.unwrap();
    assert_eq!(
        (&first["runner"]["live"], &first["now"]["actions"], &first["newest"]),
        (&json!(true), &json!([]), &json!(0))
    );
    let mut blind = Stream::open(&desk, "read:destination/other").await;
    assert_eq!(blind.next().await.unwrap()["runner"]["destinations"], json!([]));
    let fired = desk.it.world.fire("Gate", desk.it.world.incident()).await;
    let running = stream.until(|snapshot| snapshot["now"]["actions"][0]["state"] == "running").await;
    let action = &running["now"]["actions"][0];
    assert_eq!((&action["rule"], &action["number"]), (&json!("Gate"), &running["newest"]));
    assert_eq!(
        running["runner"]["destinations"][0]["rules"],
        json!([{"name": "Gate", "running": 1, "waiting": 0}])
    );
    desk.it.probe.gate.add_permits(1);
    assert_eq!(desk.it.world.settled(fired).await.status, Status::Completed);
    let gone = stream.until(|snapshot| snapshot["now"]["actions"] == json!([])).await;
    assert_eq!(gone["runner"]["handled"], 1);
    assert_eq!(desk.post("manage", "/destinations/probe/pause").await.0, 200);
    stream.until(|snapshot| snapshot["runner"]["destinations"][0]["paused"]["by"] == "manage").await;
    desk.runner.stop().await;
    while stream.next().await.is_some() {}
    while let Some(snapshot) = blind.next().await {
        assert_eq!((&snapshot["now"]["actions"], &snapshot["newest"]), (&json!([]), &json!(0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_is_true() {
    let desk = Desk::open("api document", "", &["manage"]).await;
    desk.it.fire("Fail").await;
    let number = desk.newest().await;
    let document = desk.get("manage", "/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut seen = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            seen.push(format!("{method} {path}"));
            if path.ends_with("/stream") {
                continue;
            }
            let asked = path.replace("{number}", &number.to_string()).replace("{name}", "probe");
            let asked = asked.strip_prefix("/api/v1").unwrap();
            let (status, answer) =
                desk.ask("manage", &method.to_uppercase(), asked, "{\"level\": \"INFO\"}").await;
            let response = &operation["responses"][status.to_string()];
            assert!(response.is_object(), "{method} {path}: {status} {answer} is not in the document");
            let schema = &response["content"]["application/json"]["schema"];
            conforms(&document, schema, &answer, path);
        }
    }
    assert_eq!(seen.len(), 16, "{seen:#?}");
    desk.runner.stop().await;
}

/// Panics unless the value has exactly the properties that its schema names, all the way down.
fn conforms(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let found = document.pointer(name.strip_prefix('#').unwrap()).unwrap();
        return conforms(document, found, value, place);
    }
    if let Some(items) = value.as_array().filter(|_| schema["items"].is_object()) {
        items.iter().for_each(|item| conforms(document, &schema["items"], item, place));
    }
    let mut parts = vec![schema];
    parts.extend(schema["allOf"].as_array().into_iter().flatten());
    let mut properties = serde_json::Map::new();
    for part in parts {
        let part = match part["$ref"].as_str() {
            Some(name) => document.pointer(name.strip_prefix('#').unwrap()).unwrap(),
            None => part,
        };
        for deeper in part["allOf"].as_array().into_iter().flatten().chain([part]) {
            let deeper = match deeper["$ref"].as_str() {
                Some(name) => document.pointer(name.strip_prefix('#').unwrap()).unwrap(),
                None => deeper,
            };
            properties.extend(deeper["properties"].as_object().cloned().unwrap_or_default());
        }
    }
    let (Some(object), false) = (value.as_object(), properties.is_empty()) else { return };
    let mut named: Vec<_> = properties.keys().collect();
    let mut given: Vec<_> = object.keys().collect();
    named.sort();
    given.sort();
    assert_eq!(named, given, "{place}");
    for (name, value) in object {
        conforms(document, &properties[name], value, &format!("{place} {name}"));
    }
}
