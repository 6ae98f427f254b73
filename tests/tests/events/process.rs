//! What only a process of its own shows: definitions that end the start, secrets in the log, deliveries after SIGKILL.

use std::net::TcpListener;
use std::path::Path;

use circuits_sandbox::{Sandbox, Status};
use circuits_tests::command::{Place, Said};
use circuits_tests::eventful::Eventful;
use circuits_tests::receiver::{Answer, Receiver};
use circuits_tests::suite::Process;
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

/// A definition that is in order.
const GOOD: &str = "- {name: good, action: action_completed, method: POST, url: 'http://h.example/x'}\n";

/// A folder whose app.config names `hooks.yml` and a platform that must not be asked.
struct Alone {
    place: Place,
    platform: TcpListener,
}

impl Alone {
    fn new(hooks: &str) -> Self {
        let (place, platform) = (Place::new(BINARY), TcpListener::bind("127.0.0.1:0").unwrap());
        platform.set_nonblocking(true).unwrap();
        let port = platform.local_addr().unwrap().port();
        place.write(
            "app.config",
            &format!(
                "[resilient]\nhost=127.0.0.1\nport={port}\nstomp_port={port}\napi_key_id=i\napi_key_secret=s\ncafile=false\n\
                 logdir=.\njournal=journal\nwebhooks=hooks.yml\n[probe]\n"
            ),
        );
        place.write("hooks.yml", hooks);
        Self { place, platform }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let said = self.place.run(arguments);
        assert!(self.platform.accept().is_err(), "nothing is connected to: {}{}", said.out, said.err);
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_a_file_of_its_own_that_is_made_when_a_side_feature_is_configured() {
    let it = Eventful::start("store").await;
    for (more, made) in [("", false), ("subscriptions=true\n", true)] {
        let config = it.world.app_config(&it.settings(more).replace("http_port", "#http_port"));
        let folder = Place::new(BINARY);
        let runner = Process::start(Path::new(BINARY), &folder.path(""), &format!("{config}[probe]\n"));
        runner.logs("started successfully").await;
        assert_eq!(runner.terminate().await, Some(0));
        assert_eq!((it.journal().exists(), it.store().exists()), (true, made), "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_7_a_store_that_cannot_be_used_ends_the_start_with_the_cure() {
    let it = Eventful::start("no store").await;
    for (more, says) in [
        ("subscriptions=true\nstore=sqllite", "did you mean `sqlite`?"),
        ("subscriptions=true\nstore_file=app.config", "is not a circuits store"),
        ("store=redis", "Linked are: memory, sqlite"),
    ] {
        let place = Place::new(BINARY);
        place.write("app.config", &format!("{}[probe]\n", it.world.app_config(&it.settings(more))));
        place.run(&["run"]).is(1, &[says]);
    }
}

#[test]
fn mw_5_a_bad_definition_ends_the_start_before_anything_connects() {
    let item = |change: &str| {
        let mut keys =
            vec![("name", "bad"), ("action", "action_completed"), ("method", "POST"), ("url", "http://h/x")];
        let (key, value) = change.split_once('=').unwrap_or((change, ""));
        keys.retain(|(name, _)| *name != key);
        if change.contains('=') {
            keys.push((key, value));
        }
        let keys: Vec<_> = keys.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("webhooks:\n{GOOD}- {{{}}}\n", keys.join(", "))
    };
    for (change, says) in [
        ("colour=red", "colour"),
        ("url", "url"),
        ("method=post", "POST"),
        ("action=nope", "nope"),
        ("action=''", "action"),
        ("url=failing_url", "it has no scheme"),
        ("url='http://'", "url"),
        ("url='ftp://h/x'", "http"),
        ("format=bogus", "bogus"),
        ("payload='{{nope}}'", "nope"),
        ("payload='{{callback_url}}'", "action_waiting"),
    ] {
        let said = Alone::new(&item(change)).run(&["run"]);
        said.is(1, &["hooks.yml, item 2", says]);
    }
    Alone::new(&format!("webhooks:\n{GOOD}- just text\n")).run(&["run"]).is(1, &["hooks.yml, item 2"]);
    let missing = Alone::new("");
    std::fs::remove_file(missing.place.path("hooks.yml")).unwrap();
    missing.run(&["run"]).is(1, &["hooks.yml"]);
}

#[test]
fn mw_6_config_check_tells_every_fault_and_counts_what_is_good() {
    let bad = ["method: post", "url: 'ftp://h/x'", "format: bogus"].map(|wrong| {
        let base = "name: bad, action: action_failed";
        let rest = if wrong.starts_with("method") { "url: 'http://h/x'" } else { "method: POST" };
        let url = if wrong.starts_with("format") { ", url: 'http://h/x'" } else { "" };
        format!("- {{{base}, {wrong}, {rest}{url}}}\n")
    });
    let said = Alone::new(&format!("webhooks:\n{}{GOOD}", bad.concat())).run(&["config", "check"]);
    said.is(
        1,
        &["hooks.yml, item 1 \"bad\"", "hooks.yml, item 2 \"bad\"", "hooks.yml, item 3 \"bad\"", "3 faults"],
    );
    let said =
        Alone::new(&format!("webhooks:\n{GOOD}{}", GOOD.replace("good", "other"))).run(&["config", "check"]);
    said.is(0, &["2 for action_completed", "is in order"]);
    let without = Alone::new(&format!("webhooks:\n{GOOD}"));
    let config = without.place.read("app.config").replace("journal=journal", "journal=off");
    without.place.write("app.config", &config);
    without.run(&["config", "check"]).is(1, &["need the journal"]);
    let callback =
        GOOD.replace("action_completed", "action_waiting").replace('}', ", payload: '{{callback_url}}'}");
    Alone::new(&format!("webhooks:\n{callback}"))
        .run(&["config", "check"])
        .is(1, &["\"good\"", "set http_port="]);
}

#[test]
fn mw_8_two_webhooks_of_one_name_give_one_warning_with_the_name() {
    let said = Alone::new(&format!("webhooks:\n{GOOD}{GOOD}")).run(&["config", "check"]);
    said.is(0, &["2 for action_completed"]);
    let warnings = said.out.lines().filter(|line| line.contains("warning") && line.contains("good")).count();
    assert_eq!(warnings, 1, "{}", said.out);
}

/// A runner in a process of its own, with the settings of the folder.
fn start(it: &Eventful, more: &str) -> Process {
    let config = format!("{}\n[probe]\n", it.world.app_config(&it.settings(more)));
    Process::start(Path::new(BINARY), it.folder.path(), &config)
}

fn hook(name: &str, url: &str) -> String {
    format!(
        "- name: {name}\n  action: action_completed\n  method: POST\n  url: {url}\n  payload: '{{{{action.name}}}}'\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn mw_9_webhooks_of_several_files_are_called_in_the_order_of_files_and_items() {
    let (it, receiver) = (Eventful::start("mw 9").await, Receiver::start().await);
    it.file("hooks/2.yml", &format!("webhooks:\n{}", hook("third", &receiver.url("/3"))));
    let first = [
        hook("first", &receiver.url("/1")),
        hook("twice", &receiver.url("/2")),
        hook("twice", &receiver.url("/2")),
    ];
    it.file("hooks/1.yml", &format!("webhooks:\n{}", first.concat()));
    let hooks = it.folder.path().join("hooks");
    let runner = start(&it, &format!("loglevel=DEBUG\nwebhooks={}", hooks.display()));
    let id = it.world.fire("Tell", it.world.incident()).await;
    assert_eq!(it.world.settled(id).await.status, Status::Completed);
    receiver.wait("/1", 1).await;
    receiver.wait("/3", 1).await;
    assert_eq!(receiver.wait("/2", 2).await.len(), 2, "both of one name are called");
    assert_eq!(runner.terminate().await, Some(0));
    let log = it.log();
    let order: Vec<_> = log
        .lines()
        .filter(|line| line.contains("circuits_events::engine::dispatch") && line.contains("Webhook"))
        .filter_map(|line| line.split("webhook:").nth(1)?.split(' ').next())
        .collect();
    assert_eq!(order, ["first", "twice", "twice#2", "third"], "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mw_14_secrets_from_the_environment_reach_the_receiver_and_no_log() {
    let (it, receiver) = (Eventful::start("mw 14").await, Receiver::start().await);
    let text =
        hook("secret", &receiver.url("/${HOOK_TOKEN}")) + "  headers: {X-Key: '${HOOK_TOKEN}'}\n  tries: 1\n";
    let file = it.file("hooks.yml", &format!("webhooks:\n{text}"));
    receiver.answers(Answer::Status(500));
    let more = format!("loglevel=DEBUG\nwebhooks={}", file.display());
    let config = format!("{}\n[probe]\n", it.world.app_config(&it.settings(&more)));
    let token = "t0ken-of-the-hook";
    let runner = Process::start_with(Path::new(BINARY), it.folder.path(), &config, &[("HOOK_TOKEN", token)]);
    it.fire("Tell").await;
    let got = receiver.wait(&format!("/{token}"), 1).await.remove(0);
    assert_eq!(got.header("x-key"), token);
    it.deliveries("webhook:secret", |all| all.iter().any(|one| !one.text.is_empty())).await;
    assert_eq!(runner.terminate().await, Some(0));
    let log = it.log();
    assert!(log.contains("/${HOOK_TOKEN}") && !log.contains(token), "{log}");

    let without = Alone::new(&format!("webhooks:\n{text}"));
    without.run(&["run"]).is(1, &["hooks.yml, item 1 \"secret\"", "HOOK_TOKEN"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_14_after_sigkill_what_was_received_is_delivered_with_the_same_id() {
    let (it, receiver) = (Eventful::start("pn 14").await, Receiver::start().await);
    receiver.answers(Answer::Hang);
    let file = it.file("hooks.yml", &format!("webhooks:\n{}", hook("done", &receiver.url("/hook"))));
    let more = format!("subscriptions=true\nwebhooks={}", file.display());
    let runner = start(&it, &more);
    // It is up when it has answered something.
    assert_eq!(it.fire("Fail").await.2, Status::Error);
    let path = "$.data[?@.table == 'Files']";
    it.subscribe("alice", json!({"name": "n", "jsonpath": path, "target_url": receiver.url("/recv")})).await;
    let event =
        json!({"specversion": "1.0", "id": "e-1", "source": "/s", "type": "t", "data": [{"table": "Files"}]});
    let (status, body) = it.http("POST", "/receive", "", event.to_string().as_bytes()).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    // Both deliveries are under way, and nobody has answered.
    let before = (receiver.wait("/recv", 1).await.remove(0), receiver.wait("/hook", 1).await.remove(0));
    runner.kill();
    receiver.answers(Answer::Status(200));
    let runner = start(&it, &more);
    let (recv, hook) = (receiver.wait("/recv", 2).await.remove(1), receiver.wait("/hook", 2).await.remove(1));
    assert_eq!(recv.json()["id"], "e-1");
    assert_eq!(recv.header("webhook-id"), before.0.header("webhook-id"));
    assert_eq!(hook.header("webhook-id"), before.1.header("webhook-id"));
    assert_eq!(hook.body, before.1.body);
    assert_eq!(runner.terminate().await, Some(0));
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_with_its_name() {
    let sandbox = Sandbox::builder().destination("probe").start().await.unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::on(BINARY, &sandbox);
    let port = format!("http_port={}", taken.local_addr().unwrap().port());
    let run = |line: &str| {
        let config = sandbox.app_config() + line + "\nsubscriptions=true\nlogdir=.\n[probe]\n";
        place.write("app.config", &config);
        place.run(&["run"])
    };
    run(&port).is(1, &["http_port: cannot listen on 127.0.0.1:"]);
    for (wrong, says) in [
        ("events_policy_url=ftp://h/x", "events_policy_url"),
        ("http_url=not a url", "http_url"),
        ("http_user_header=a b", "http_user_header"),
        ("events_cafile=/missing.pem", "/missing.pem"),
        ("events_tries=0", "events_tries"),
    ] {
        run(wrong).is(1, &[says]);
    }
}
