//! Subscriptions over HTTP, from `/eventmatch` to the delivery: what Pacifica's users expect, and what they lack.

use circuits_events::book::DeliveryState;
use circuits_sandbox::Status;
use circuits_tests::eventful::{Eventful, event_type};
use circuits_tests::receiver::{Answer, Receiver};
use serde_json::{Value, json};

use circuits_events as _;
use circuits_http as _;

const ON: &str = "subscriptions=true";
/// Selects something in events from outside, and nothing in those of the runner.
const FILES: &str = "$.data[?@.destinationTable == 'Files']";

/// An event of version 0.1, as data services of that time send it.
fn ingest() -> Value {
    json!({
        "cloudEventsVersion": "0.1",
        "eventID": "2d8f9b6e-1",
        "eventType": "org.pacifica.metadata.ingest",
        "source": "/pacifica/metadata/ingest",
        "eventTime": "2019-02-01T10:00:00Z",
        "contentType": "application/json",
        "data": [
            {"destinationTable": "Transactions._id", "value": 67},
            {"destinationTable": "Files", "_id": 34, "mimetype": "text/plain"},
            {"destinationTable": "Files", "_id": 35, "mimetype": "text/plain"},
            {"destinationTable": "Files", "_id": 36, "mimetype": "image/png"}
        ]
    })
}

async fn receive(it: &Eventful, event: &Value) -> String {
    let (status, body) = it.http("POST", "/receive", "", event.to_string().as_bytes()).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn error(body: &str) -> Value {
    let body: Value = serde_json::from_str(body).unwrap();
    assert!(body["error"].is_string() && !body.to_string().contains("panicked"), "{body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_1_a_new_subscription_is_shown_with_all_its_keys() {
    let it = Eventful::start("pn 1").await;
    let runner = it.run(ON).await;
    let made = it
        .subscribe(
            "dmlb2001",
            json!({"name": "My Event Match", "jsonpath": "$.data", "target_url": "http://127.0.0.1:1/recv"}),
        )
        .await;
    let mut keys: Vec<_> = made.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "auth",
            "created",
            "deleted",
            "disabled",
            "error",
            "extensions",
            "jsonpath",
            "name",
            "target_url",
            "updated",
            "user",
            "uuid",
            "version"
        ]
    );
    assert_eq!((&made["user"], &made["version"]), (&json!("dmlb2001"), &json!("v0.1")));
    for key in ["deleted", "disabled", "error"] {
        assert_eq!(made[key], Value::Null);
    }
    assert_eq!((&made["extensions"], &made["auth"]), (&json!({}), &json!({})));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_2_a_wrong_subscription_is_refused_with_the_field_and_the_place() {
    let it = Eventful::start("pn 2").await;
    let runner = it.run(ON).await;
    let good = json!({"name": "n", "jsonpath": "$.data", "target_url": "http://127.0.0.1:1/"});
    for (change, field, says) in [
        (json!({"jsonpath": "data"}), "jsonpath", "at character 1"),
        (json!({"name": null}), "name", "name"),
        (json!({"auth": {"type": "digest"}}), "auth", "digest"),
        (json!({"auth": {"type": "basic"}}), "auth", "basic"),
        (json!({"target_url": "ftp://h/x"}), "target_url", "http"),
        (json!({"user": "mallory"}), "user", "user"),
        (json!({"colour": "red"}), "colour", "colour"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, answer) = it.http("POST", "/eventmatch", "alice", body.to_string().as_bytes()).await;
        assert_eq!(status, 400, "{change}: {answer}");
        let answer = error(&answer);
        let named = answer["field"].as_str().unwrap_or_default();
        assert!(named.starts_with(field), "{change}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{change}: {answer}");
    }
    for body in ["", "[]", "{", "\u{feff}"] {
        let (status, answer) = it.http("POST", "/eventmatch", "alice", body.as_bytes()).await;
        assert_eq!(status, 400, "{answer}");
        error(&answer);
    }
    let huge = vec![b' '; 2 << 20];
    assert_eq!(it.http("POST", "/eventmatch", "alice", &huge).await.0, 413);
    assert_eq!(it.http("PATCH", "/eventmatch", "alice", b"").await.0, 405);
    assert_eq!(it.http("GET", "/nowhere", "alice", b"").await.0, 404);
    let (status, answer) = it.http("GET", "/eventmatch", "", b"").await;
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("Http-Remote-User"), "{answer}");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_3_everybody_sees_their_own_subscriptions_and_no_others() {
    let it = Eventful::start("pn 3").await;
    let runner = it.run(ON).await;
    let none = it.http("GET", "/eventmatch", "alice", b"").await;
    assert_eq!((none.0, none.1.as_str()), (200, "[]"));
    let made = it
        .subscribe("alice", json!({"name": "a", "jsonpath": FILES, "target_url": "http://127.0.0.1:1/"}))
        .await;
    let path = format!("/eventmatch/{}", made["uuid"].as_str().unwrap());
    assert_eq!(it.http("GET", &path, "alice", b"").await.0, 200);
    let random = "/eventmatch/00000000-0000-4000-8000-000000000000";
    for (method, path, user, status) in [
        ("GET", path.as_str(), "bob", 403),
        ("PUT", &path, "bob", 403),
        ("DELETE", &path, "bob", 403),
        ("GET", random, "alice", 403),
        ("GET", "/eventmatch/1234", "alice", 400),
        ("DELETE", &path, "alice", 200),
        ("GET", &path, "alice", 403),
        ("PUT", &path, "alice", 403),
        ("DELETE", &path, "alice", 403),
    ] {
        let (got, body) = it.http(method, path, user, b"{}").await;
        assert_eq!(got, status, "{method} {path} by {user}: {body}");
    }
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_4_a_change_keeps_what_it_does_not_name_and_no_owner_changes() {
    let it = Eventful::start("pn 4").await;
    let runner = it.run(ON).await;
    let auth = json!({"type": "basic", "basic": {"username": "u", "password": "p"}});
    let made = it
        .subscribe("alice", json!({"name": "a", "jsonpath": FILES, "target_url": "http://127.0.0.1:1/", "auth": auth, "extensions": {"sub": "alice"}}))
        .await;
    assert!(!made.to_string().contains("\"p\""), "a secret is never shown: {made}");
    let path = format!("/eventmatch/{}", made["uuid"].as_str().unwrap());
    let (status, body) = it.http("PUT", &path, "alice", br#"{"target_url": "http://127.0.0.1:1/new"}"#).await;
    assert_eq!(status, 200, "{body}");
    let changed: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&changed["extensions"], &changed["auth"]), (&made["extensions"], &made["auth"]));
    assert_eq!(changed["target_url"], "http://127.0.0.1:1/new");
    let (status, body) = it.http("PUT", &path, "alice", br#"{"user": "mallory"}"#).await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(it.http("GET", "/eventmatch", "mallory", b"").await.1, "[]");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_5_an_event_from_outside_reaches_the_subscriber_whose_path_selects_something() {
    let (it, receiver) = (Eventful::start("pn 5").await, Receiver::start().await);
    let runner = it.run(ON).await;
    let path = "$.data[?$.eventType=='org.pacifica.metadata.ingest' && @.destinationTable=='Files' && @.mimetype=='text/plain']._id";
    it.subscribe(
        "alice",
        json!({
            "name": "files", "jsonpath": path, "target_url": receiver.url("/recv"), "extensions": {"sub": "alice"},
            "auth": {"type": "basic", "basic": {"username": "u", "password": "p"}}
        }),
    )
    .await;
    it.subscribe("bob", json!({"name": "no", "jsonpath": "$.nothing", "target_url": receiver.url("/none")}))
        .await;
    it.subscribe("zoe", json!({"name": "all", "jsonpath": FILES, "target_url": receiver.url("/all")})).await;
    receive(&it, &ingest()).await;
    let got = receiver.wait("/recv", 1).await.remove(0);
    assert_eq!(got.header("authorization"), "Basic dTpw");
    let event = got.json();
    assert_eq!((&event["specversion"], &event["sub"]), (&json!("1.0"), &json!("alice")));
    assert_eq!(event["data"][1]["_id"], 34);
    receiver.wait("/all", 1).await;
    // The same event once more is the same event.
    receive(&it, &ingest()).await;
    let mut second = ingest();
    second["eventID"] = json!("2d8f9b6e-2");
    receive(&it, &second).await;
    receiver.wait("/recv", 2).await;
    receiver.wait("/all", 2).await;
    let paths: Vec<_> = receiver.got().iter().map(|got| got.path.clone()).collect();
    assert_eq!((paths.iter().filter(|path| *path == "/recv").count(), paths.len()), (2, 4), "{paths:?}");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_6_credentials_and_extensions_go_to_their_own_subscriber_only() {
    let (it, receiver) = (Eventful::start("pn 6").await, Receiver::start().await);
    let runner = it.run(ON).await;
    let auth = json!({"type": "header", "header": {"type": "Bearer", "credentials": "s3cret"}});
    it.subscribe("a", json!({"name": "a", "jsonpath": FILES, "target_url": receiver.url("/a"), "auth": auth, "extensions": {"sub": "a"}})).await;
    it.subscribe("b", json!({"name": "b", "jsonpath": FILES, "target_url": receiver.url("/b")})).await;
    receive(&it, &ingest()).await;
    let (a, b) = (receiver.wait("/a", 1).await.remove(0), receiver.wait("/b", 1).await.remove(0));
    assert_eq!(a.header("authorization"), "Bearer s3cret");
    assert_eq!((b.header("authorization"), b.json().get("sub")), ("", None));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_7_the_policy_decides_who_gets_an_event() {
    let (it, receiver, policy) =
        (Eventful::start("pn 7").await, Receiver::start().await, Receiver::start().await);
    policy.answers_on("/events/denied", Answer::Status(403));
    policy.answers_on("/events/broken", Answer::Status(500));
    let runner = it.run(&format!("{ON}\nevents_policy_url={}", policy.url(""))).await;
    let mut made = Vec::new();
    for user in ["allowed", "denied", "broken"] {
        let subscription =
            json!({"name": user, "jsonpath": FILES, "target_url": receiver.url(&format!("/{user}"))});
        made.push(it.subscribe(user, subscription).await["uuid"].as_str().unwrap().to_owned());
    }
    receive(&it, &ingest()).await;
    receiver.wait("/allowed", 1).await;
    assert_eq!(policy.wait("/events/allowed", 1).await[0].json()["data"][1]["_id"], 34);
    let ended =
        |all: &[circuits_events::book::Delivery]| all.iter().any(|one| one.state != DeliveryState::Waiting);
    let denied = it.deliveries(&format!("subscription:{}", made[1]), ended).await;
    assert_eq!((denied[0].state, denied[0].policy_status), (DeliveryState::Denied, Some(403)));
    let broken = it.deliveries(&format!("subscription:{}", made[2]), ended).await;
    assert_eq!((broken[0].policy_status, broken[0].target_status), (Some(500), None));
    let show = async |index: usize, user: &str| -> Value {
        serde_json::from_str(&it.http("GET", &format!("/eventmatch/{}", made[index]), user, b"").await.1)
            .unwrap()
    };
    assert_eq!(show(1, "denied").await["disabled"], Value::Null);
    let broken = show(2, "broken").await;
    assert!(
        broken["disabled"].is_string() && broken["error"].as_str().unwrap().contains("receiver says 500"),
        "{broken}"
    );
    assert_eq!(receiver.got().len(), 1);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_8_a_target_that_does_not_take_events_is_switched_off_and_brought_back() {
    let (it, receiver) = (Eventful::start("pn 8").await, Receiver::start().await);
    let hook = receiver.url("/told");
    let hooks = it.file("hooks.yml", &format!("webhooks:\n- name: told\n  action: subscription_disabled\n  method: POST\n  url: {hook}\n  payload: '{{{{subscription.name}}}}: {{{{subscription.error}}}}'\n  format: plain\n"));
    let runner = it.run(&format!("{ON}\nwebhooks={}", hooks.display())).await;
    receiver.answers_on("/gone", Answer::Status(404));
    let auth = json!({"type": "header", "header": {"type": "Bearer", "credentials": "s3cret"}});
    let made = it
        .subscribe(
            "alice",
            json!({"name": "gone", "jsonpath": FILES, "target_url": receiver.url("/gone"), "auth": auth}),
        )
        .await;
    let uuid = made["uuid"].as_str().unwrap();
    let path = format!("/eventmatch/{uuid}");
    receive(&it, &ingest()).await;
    let target = format!("subscription:{uuid}");
    let failed = it.deliveries(&target, |all| all.iter().any(|one| one.state == DeliveryState::Failed)).await;
    assert_eq!((failed[0].policy_status, failed[0].target_status), (Some(200), Some(404)));
    assert_eq!(receiver.wait("/told", 1).await[0].body, "gone: receiver says 404 Not Found");
    let off: Value = serde_json::from_str(&it.http("GET", &path, "alice", b"").await.1).unwrap();
    assert!(off["disabled"].is_string() && off["error"] == "receiver says 404 Not Found", "{off}");

    // The next event does not reach it, and one after it was brought back does, with its credentials.
    let mut next = ingest();
    next["eventID"] = json!("next");
    receive(&it, &next).await;
    receiver.answers_on("/gone", Answer::Status(200));
    let (status, body) = it.http("PUT", &path, "alice", br#"{"disabled": null, "error": null}"#).await;
    assert_eq!(status, 200, "{body}");
    next["eventID"] = json!("after");
    receive(&it, &next).await;
    let got = receiver.wait("/gone", 2).await;
    assert_eq!(
        (got[1].json()["id"].as_str(), got[1].header("authorization")),
        (Some("after"), "Bearer s3cret")
    );

    // A port where nobody listens is no different.
    let (status, _) = it.http("PUT", &path, "alice", br#"{"target_url": "http://127.0.0.1:1/"}"#).await;
    assert_eq!(status, 200);
    next["eventID"] = json!("refused");
    receive(&it, &next).await;
    assert!(String::from_utf8_lossy(&receiver.wait("/told", 2).await[1].body).contains("127.0.0.1:1"));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_9_a_subscriber_that_hangs_holds_up_no_other() {
    let (it, receiver, dead) =
        (Eventful::start("pn 9").await, Receiver::start().await, Receiver::start().await);
    dead.answers(Answer::Hang);
    let runner = it.run(ON).await;
    it.subscribe("x", json!({"name": "hangs", "jsonpath": FILES, "target_url": dead.url("/")})).await;
    for name in ["/a", "/b"] {
        it.subscribe("x", json!({"name": name, "jsonpath": FILES, "target_url": receiver.url(name)})).await;
    }
    receive(&it, &ingest()).await;
    // They come although the other call is still open.
    dead.wait("/", 1).await;
    receiver.wait("/a", 1).await;
    receiver.wait("/b", 1).await;
    dead.answers(Answer::Status(200));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pn_15_an_action_is_an_event_for_subscribers_and_its_reply_does_not_change() {
    let (it, receiver) = (Eventful::start("pn 15").await, Receiver::start().await);
    let runner = it.run(ON).await;
    let incident = it.world.incident();
    let path = format!("$.data.incident[?@ == {incident}]");
    it.subscribe("alice", json!({"name": "one", "jsonpath": path, "target_url": receiver.url("/one")})).await;
    let root = format!("$[?@.incident.id=={incident}]");
    it.subscribe("alice", json!({"name": "root", "jsonpath": root, "target_url": receiver.url("/root")}))
        .await;
    let id = it.world.fire("Tell", incident).await;
    let settled = it.world.settled(id).await;
    assert_eq!((settled.status, settled.text().as_str()), (Status::Completed, "running\ntold"));
    let mut types: Vec<_> = receiver.wait("/one", 5).await.iter().map(event_type).collect();
    types.sort_unstable();
    assert_eq!(
        types,
        [
            "circuits.action.answered",
            "circuits.action.completed",
            "circuits.action.progress",
            "circuits.action.received",
            "circuits.action.started"
        ]
    );
    let got = receiver.wait("/root", 5).await.remove(0);
    let event = got.json();
    assert_eq!((&event["specversion"], &event["data"]["incident"]["id"]), (&json!("1.0"), &json!(incident)));
    assert_eq!(got.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(event["source"], "/orgs/201/destinations/probe");
    // Of another incident it hears nothing.
    it.fire("Tell").await;
    runner.stop().await;
    assert_eq!(receiver.got().iter().filter(|got| got.path == "/one").count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_from_outside_are_refused_with_their_fault() {
    let it = Eventful::start("refused").await;
    let runner = it.run(ON).await;
    let (good, json_type) =
        (r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#, "application/cloudevents+json");
    for (content_type, body, status, says) in [
        (json_type, "", 400, "JSON"),
        (json_type, r#"{"specversion":"1.0","id":"1","type":"t"}"#, 400, "source"),
        (json_type, r#"{"specversion":"9.9","id":"1","source":"/s","type":"t"}"#, 400, "9.9"),
        (
            json_type,
            r#"{"specversion":"1.0","id":"1","source":"/s","type":"circuits.action.completed"}"#,
            403,
            "circuits.",
        ),
        ("application/json", "42", 400, "JSON object"),
        ("text/html", good, 415, "text/html"),
        ("application/cloudevents-batch+json", r#"[{"specversion":"1.0"}]"#, 400, "Event 1"),
    ] {
        let (got, answer) =
            it.http_with("POST", "/receive", &[("Content-Type", content_type)], body.as_bytes()).await;
        assert_eq!(got, status, "{body}: {answer}");
        assert!(error(&answer)["error"].as_str().unwrap().contains(says), "{body}: {answer}");
    }
    let headers = [
        ("Content-Type", "text/plain"),
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ];
    let (status, key) = it.http_with("POST", "/receive", &headers, b"binary mode").await;
    assert_eq!(status, 200);
    let stored = it.book().event(&key).await.unwrap().unwrap();
    assert_eq!((&stored.event["id"], &stored.event["data"]), (&json!("7"), &json!("binary mode")));
    runner.stop().await;
}
