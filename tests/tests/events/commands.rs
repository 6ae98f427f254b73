//! What went out and who subscribes, from the shell, beside a runner at work and without one.

use std::process::Command;

use circuits_events::book::{Delivery, DeliveryState};
use circuits_tests::command::{Said, said};
use circuits_tests::eventful::Eventful;
use circuits_tests::receiver::{Answer, Receiver};
use serde_json::{Value, json};

use circuits_events as _;
use circuits_http as _;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");
const FILES: &str = "$.data[?@.table == 'Files']";

/// Writes the configuration for commands, and returns the lines of `[resilient]` that the runner needs.
fn configure(it: &Eventful, more: &str) -> String {
    let more = format!("subscriptions=true\n{more}");
    it.file("app.config", &format!("{}\n[probe]\n", it.world.app_config(&it.settings(&more))));
    more
}

fn circuits(it: &Eventful, arguments: &[&str]) -> Said {
    let config = it.folder.path().join("app.config");
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--config-file").arg(config).env("HOME", it.folder.path());
    said(&command.output().unwrap())
}

async fn receive(it: &Eventful, id: &str) -> String {
    let event =
        json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "data": [{"table": "Files"}]});
    let (status, key) = it.http("POST", "/receive", "", event.to_string().as_bytes()).await;
    assert_eq!(status, 200, "{key}");
    key
}

/// A runner with one subscription, whose target answers 404 to the first event; the event's key and the subscription's id.
async fn with_a_failed_delivery(it: &Eventful, receiver: &Receiver) -> (String, String) {
    receiver.answers(Answer::Status(404));
    let subscription = json!({"name": "a", "jsonpath": FILES, "target_url": receiver.url("/recv")});
    let made = it.subscribe("alice", subscription).await;
    let uuid = made["uuid"].as_str().unwrap().to_owned();
    let key = receive(it, "one").await;
    let failed = |all: &[Delivery]| all.iter().any(|one| one.state == DeliveryState::Failed);
    it.deliveries(&format!("subscription:{uuid}"), failed).await;
    (key, uuid)
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_10_events_are_listed_with_what_became_of_their_deliveries() {
    let (it, receiver) = (Eventful::start("pn 10").await, Receiver::start().await);
    let runner = it.run(&configure(&it, "")).await;
    let (key, uuid) = with_a_failed_delivery(&it, &receiver).await;
    let shown = circuits(&it, &["events", "deliveries", &key]).out;
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], format!("Event - {key}"));
    assert_eq!(serde_json::from_str::<Value>(lines[1]).unwrap()["id"], "one");
    assert!(lines[2].starts_with(&format!("    ELM {uuid} (20")), "{shown}");
    assert!(lines[2].contains(") policy 200 target 404 failed, 1 attempt"), "{shown}");
    let limited = circuits(&it, &["events", "deliveries", "--limit", "1"]);
    assert_eq!(limited.out.matches("Event - ").count(), 1, "{}", limited.out);
    let (later, earlier) = ("2020-03-01 00:00:00", "2020-02-01 00:00:00");
    circuits(&it, &["events", "deliveries", "--start-date", later, "--end-date", earlier])
        .is(1, &[later, earlier]);
    circuits(&it, &["events", "deliveries", "--until", earlier]).is(0, &["No such event."]);
    circuits(&it, &["events", "deliveries", "--until", earlier, &key]).is(0, &["ELM"]);
    let failed = circuits(&it, &["events", "deliveries", "--state", "failed", "--json"]).out;
    let failed: Value = serde_json::from_str(&failed).unwrap();
    let target = format!("subscription:{uuid}");
    assert_eq!(
        (failed.as_array().unwrap().len(), &failed[0]["deliveries"][0]["target"]),
        (1, &json!(target))
    );
    circuits(&it, &["events", "deliveries", "nothing"]).is(1, &["there is no event nothing"]);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_11_old_events_are_forgotten_and_subscriptions_stay() {
    let (it, receiver) = (Eventful::start("pn 11").await, Receiver::start().await);
    let runner = it.run(&configure(&it, "")).await;
    let (_, uuid) = with_a_failed_delivery(&it, &receiver).await;
    let second = receive(&it, "two").await;
    let forget = |arguments: &[&str]| circuits(&it, &[&["events", "forget", "-y"], arguments].concat());
    forget(&["--older-than-date", "2020-01-01 00:00:00", "--limit", "1000"]).is(0, &["Nothing to do"]);
    forget(&[]).is(2, &["--older-than"]);
    forget(&["--since", "2198-01-01 00:00:00", "--older-than-date", "2199-01-01 00:00:00"])
        .is(0, &["Nothing to do: no event happened after 2198"]);
    let count = || circuits(&it, &["events", "deliveries", "--limit", "100"]).out.matches("Event - ").count();
    let before = count();
    forget(&["--older-than-date", "2199-01-01 00:00:00", "--limit", "1"]).is(0, &["Deleted 1 event."]);
    assert_eq!(count(), before - 1);
    circuits(&it, &["events", "deliveries", &second]).is(0, &["Event - "]);
    circuits(&it, &["events", "forget", "--older-than-date", "2199-01-01 00:00:00"])
        .is(1, &["say yes with -y"]);
    forget(&["--older-than-date", "2199-01-01 00:00:00"]).is(0, &["Deleted"]);
    circuits(&it, &["events", "deliveries"]).is(0, &["No such event."]);
    circuits(&it, &["subscriptions", "list"]).is(0, &[&uuid, "alice", "off since", "404"]);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_12_an_event_is_delivered_again_on_request() {
    let (it, receiver) = (Eventful::start("pn 12").await, Receiver::start().await);
    let runner = it.run(&configure(&it, "")).await;
    let (key, uuid) = with_a_failed_delivery(&it, &receiver).await;
    let target = format!("subscription:{uuid}");
    receiver.answers(Answer::Status(200));
    circuits(&it, &["events", "redeliver", &key]).is(1, &["say yes with -y"]);
    circuits(&it, &["subscriptions", "enable", &uuid]).is(0, &["\"a\" is on."]);
    circuits(&it, &["events", "redeliver", "-y", &key]).is(0, &["To be delivered again", &target]);
    assert_eq!(receiver.wait("/recv", 2).await[1].json()["id"], "one");
    it.deliveries(&target, |all| all.iter().any(|one| one.state == DeliveryState::Delivered)).await;
    let shown = circuits(&it, &["events", "deliveries", &key]).out;
    assert!(shown.contains("target 200 delivered"), "{shown}");
    circuits(&it, &["events", "redeliver", "-y", "nothing"]).is(1, &["there is no event nothing"]);
    circuits(&it, &["events", "redeliver", "-y", "--target", "webhook:x", &key])
        .is(1, &["no delivery to webhook:x"]);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_shown_with_its_events() {
    let (it, receiver) = (Eventful::start("show").await, Receiver::start().await);
    let url = receiver.url("/hook");
    let text = format!("webhooks:\n- {{name: done, action: action_completed, method: POST, url: '{url}'}}\n");
    let hooks = it.file("hooks.yml", &text);
    let runner = it.run(&configure(&it, &format!("webhooks={}", hooks.display()))).await;
    it.fire("Tell").await;
    it.deliveries("webhook:done", |all| all.iter().any(|one| one.state == DeliveryState::Delivered)).await;
    runner.stop().await;
    circuits(&it, &["events", "show", "1"])
        .is(0, &["Event - ", "ELM webhook:done", "target 200 delivered, 1 attempt"]);
    let shown: Value = serde_json::from_str(&circuits(&it, &["events", "show", "1", "--json"]).out).unwrap();
    let types: Vec<_> = shown["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["event"]["type"].as_str().unwrap())
        .collect();
    assert!(
        types.contains(&"circuits.action.received") && types.contains(&"circuits.action.answered"),
        "{types:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_made_switched_and_deleted_from_the_shell() {
    let (it, receiver) = (Eventful::start("shell").await, Receiver::start().await);
    let settings = configure(&it, "events_variables=HOME");
    let runner = it.run(&settings).await;
    let url = receiver.url("/recv");
    let add = |more: &[&str]| {
        let base = ["subscriptions", "add", "--name", "files", "--jsonpath", FILES, "--url", &url];
        circuits(&it, &[&base[..], more].concat())
    };
    add(&["--basic-user", "u", "--basic-password", "plain"]).is(1, &["--basic-password", "${HOOK_TOKEN}"]);
    add(&["--basic-user", "u"]).is(2, &["--basic-password"]);
    add(&["--extension", "noequals"]).is(1, &["noequals"]);
    let made = add(&["--basic-user", "u", "--basic-password", "${HOME}", "--extension", "sub=alice"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let uuid = made.out.trim();
    circuits(&it, &["subscriptions", "list", "--user", "operator"]).is(0, &[uuid, "\"files\"", FILES, " on"]);
    // The runner takes it up by itself.
    let mut count = 0;
    while receiver.got().is_empty() {
        count += 1;
        receive(&it, &count.to_string()).await;
    }
    let got = receiver.got().remove(0);
    assert_eq!(got.json()["sub"], "alice");
    assert!(got.header("authorization").starts_with("Basic "), "{got:?}");

    circuits(&it, &["subscriptions", "test", FILES]).is(0, &["It selects something in", "\"Files\""]);
    circuits(&it, &["subscriptions", "test", "$.nothing"]).is(1, &["It selects something in 0 of"]);
    circuits(&it, &["subscriptions", "test", "$.data[?(@.a = 1)]"]).is(1, &["at character", "=="]);
    circuits(&it, &["subscriptions", "disable", uuid]).is(0, &["is off."]);
    circuits(&it, &["subscriptions", "list"]).is(0, &["off since"]);
    circuits(&it, &["subscriptions", "rm", uuid]).is(0, &["is deleted."]);
    circuits(&it, &["subscriptions", "rm", uuid]).is(1, &["there is no subscription"]);
    circuits(&it, &["subscriptions", "list"]).is(0, &["There is no subscription."]);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_13_the_file_is_checked_made_and_refused_when_it_is_newer() {
    let it = Eventful::start("pn 13").await;
    configure(&it, "");
    circuits(&it, &["db", "check"]).is(1, &["there is no journal"]);
    it.file("journal", "");
    circuits(&it, &["db", "check"]).is(1, &["is not a circuits journal"]);
    circuits(&it, &["db", "sync"]).is(0, &["Everything is in the files."]);
    let equal = ["The journal's schema is 3,", "The store's schema is 1,"];
    circuits(&it, &["db", "check", "--equal"]).is(0, &equal);
    circuits(&it, &["db", "check"]).is(0, &["The journal is sound.", "The store ", " is sound."]);
    let newer = rusqlite::Connection::open(it.journal()).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(newer);
    let equal = circuits(&it, &["db", "check", "--equal"]);
    equal.is(1, &["its schema is 99, this version's is 3", "Run that version"]);
    assert!(!equal.err.contains("db sync"), "it would refuse the file too: {}", equal.err);
    circuits(&it, &["run"]).is(1, &["its schema is 99, this one knows up to 3"]);
}

#[test]
fn the_types_of_events_are_listed_with_their_schemas() {
    let run = |arguments: &[&str]| said(&Command::new(BINARY).args(arguments).output().unwrap());
    run(&["events", "schema"]).is(0, &["circuits.action.completed", "circuits.runner.ready"]);
    let schema: Value = serde_json::from_str(&run(&["events", "schema", "action_completed"]).out).unwrap();
    assert_eq!(schema["title"], "circuits.action.completed");
    run(&["events", "schema"]).is(0, &["action_completed        circuits.action.completed        "]);
    run(&["events", "schema", "nope"]).is(1, &["there is no type of event nope", "`circuits events schema`"]);
    for wrong in ["action_compelted", "circuits.action.complete"] {
        run(&["events", "schema", wrong]).is(1, &[wrong, "did you mean circuits.action.completed?"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_13_db_sync_makes_a_file_that_is_missing_and_upgrades_an_older_one() {
    let it = Eventful::start("pn 13 sync").await;
    configure(&it, "");
    circuits(&it, &["db", "check", "--equal"]).is(1, &["there is no journal"]);
    circuits(&it, &["db", "sync"]).is(0, &["Everything is in the files."]);
    circuits(&it, &["db", "check", "--equal"]).is(0, &["schema is 3"]);
    let older = rusqlite::Connection::open(it.journal()).unwrap();
    // What the third version of the schema has brought.
    older.execute_batch("DROP TABLE outbox; PRAGMA user_version = 2").unwrap();
    drop(older);
    for _ in 0..2 {
        circuits(&it, &["db", "check", "--equal"]).is(1, &["schema 2", "is 3", "`circuits db sync`"]);
    }
    circuits(&it, &["db", "sync"]).is(0, &[]);
    circuits(&it, &["db", "check", "--equal"]).is(0, &["schema is 3"]);
    circuits(&it, &["events", "deliveries"]).is(0, &["No such event."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_12_a_delivery_is_made_again_only_if_somebody_may_take_it_and_what_waits_is_counted() {
    let (it, receiver) = (Eventful::start("pn 12").await, Receiver::start().await);
    let runner = it.run(&configure(&it, "")).await;
    let made = it
        .subscribe("alice", json!({"name": "a", "jsonpath": FILES, "target_url": receiver.url("/recv")}))
        .await;
    let uuid = made["uuid"].as_str().unwrap();
    let (first, second) = (receive(&it, "one").await, receive(&it, "two").await);
    let target = format!("subscription:{uuid}");
    it.deliveries(&target, |all| all.iter().filter(|one| one.state == DeliveryState::Delivered).count() == 2)
        .await;
    runner.stop().await;

    // A subscription that is off: its delivery waits. A target may be named as the list shows it.
    circuits(&it, &["subscriptions", "disable", uuid]).is(0, &["is off."]);
    let again = circuits(&it, &["events", "redeliver", "-y", "--target", uuid, &first, &first]);
    again.is(0, &["switched off", &format!("`circuits subscriptions enable {uuid}`")]);
    assert_eq!(again.out.matches(&target).count(), 1, "an event that is named twice: {}", again.out);
    let waiting = ["events", "deliveries", "--state", "waiting", "--target", uuid];
    circuits(&it, &waiting).is(0, &[&first, "waiting, 0 attempts"]);
    let late = "2199-01-01 00:00:00";
    let forget =
        |more: &[&str]| circuits(&it, &[&["events", "forget", "--older-than-date", late], more].concat());
    let listed = circuits(&it, &["events", "deliveries", "--limit", "100", "--json"]).out;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    // The limit counts from the oldest.
    let place = listed.iter().rev().position(|one| one["key"] == first.as_str()).unwrap();
    forget(&[])
        .is(1, &[&format!("Delete {} events", listed.len()), "Deliveries of 1 of them still wait", "-y"]);
    forget(&["--limit", &place.to_string()]).is(1, &["Deliveries of 0 of them still wait"]);
    forget(&["--limit", &(place + 1).to_string()]).is(1, &["Deliveries of 1 of them still wait"]);
    circuits(&it, &waiting).is(0, &[&first]);

    circuits(&it, &["subscriptions", "rm", uuid]).is(0, &["is deleted."]);
    circuits(&it, &["events", "redeliver", "-y", &second])
        .is(1, &[&second, "cannot be delivered", "deleted"]);
    let delivered = ["events", "deliveries", "--state", "delivered", &second];
    circuits(&it, &delivered).is(0, &[uuid]);
    assert_eq!(receiver.got().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_found_among_more_events_than_one_page_holds() {
    let (it, receiver) = (Eventful::start("pages").await, Receiver::start().await);
    let runner = it.run(&configure(&it, "")).await;
    let path = "$.data[?@ == 'oldest']";
    let made = it
        .subscribe("alice", json!({"name": "a", "jsonpath": path, "target_url": receiver.url("/recv")}))
        .await;
    let post = async |ids: Vec<String>| {
        let event =
            |id| json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "data": {"is": id}});
        let batch = Value::from(ids.iter().map(event).collect::<Vec<_>>()).to_string();
        let headers = [("Content-Type", "application/cloudevents-batch+json")];
        let (status, keys) = it.http_with("POST", "/receive", &headers, batch.as_bytes()).await;
        assert_eq!(status, 200, "{keys}");
        keys
    };
    let oldest = post(vec!["oldest".to_owned()]).await;
    // Those of a batch come at the same time.
    for batch in 1..=3 {
        post((0..100).map(|number| format!("{batch}-{number}")).collect()).await;
    }
    receiver.wait("/recv", 1).await;
    runner.stop().await;
    let events = |arguments: &[&str]| {
        let said = circuits(&it, &[&["events", "deliveries", "--json"], arguments].concat());
        let all: Vec<Value> = serde_json::from_str(&said.out).unwrap();
        all.into_iter().map(|one| one["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let found = events(&["--target", made["uuid"].as_str().unwrap()]);
    assert_eq!(found, [oldest.trim()], "only one was wanted, before all others");
    let all = events(&["--limit", "100000"]);
    let each: std::collections::BTreeSet<_> = all.iter().collect();
    assert!(all.len() > 300 && each.len() == all.len(), "{} of which {} differ", all.len(), each.len());
    assert_eq!(events(&["--limit", "150"]), all[..150]);
    assert_eq!(events(&["--limit", "0", "--target", made["uuid"].as_str().unwrap()]), [""; 0]);
}
