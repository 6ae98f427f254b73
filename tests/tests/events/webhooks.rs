//! Webhooks, from the definition in a file to the request at the receiver: what Magpie's users expect, and what they lack.

use circuits_events::book::DeliveryState;
use circuits_sandbox::Status;
use circuits_tests::eventful::Eventful;
use circuits_tests::receiver::{Answer, Receiver};
use serde_json::json;

/// The runner's log appears beside a failure; extensions link only into binaries that name them.
use circuits_events as _;
use circuits_http as _;

fn hook(name: &str, action: &str, url: &str, more: &str) -> String {
    format!("- name: {name}\n  action: {action}\n  method: POST\n  url: {url}\n{more}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_action_reaches_the_webhook_with_the_values_of_its_message() {
    let (it, receiver) = (Eventful::start("hooks").await, Receiver::start().await);
    let payload = "  payload:\n    rule: '{{action.name}}'\n    incident: '{{incident.id}}'\n    name: '{{incident.name}}'\n    text: 'It {{result.status}}: {{result.message}}'\n";
    let file = it.file(
        "hooks.yml",
        &format!("webhooks:\n{}", hook("ticket", "action_completed", &receiver.url("/ticket"), payload)),
    );
    let runner = it.run(&format!("webhooks={}", file.display())).await;
    let (incident, _, status) = it.fire("Tell").await;
    assert_eq!(status, Status::Completed);
    let got = receiver.wait("/ticket", 1).await.remove(0);
    assert_eq!(
        got.json(),
        json!({"rule": "Tell", "incident": incident, "name": "Phishing mail", "text": "It completed: told"})
    );
    assert_eq!((got.method.as_str(), got.header("content-type")), ("POST", "application/json"));
    let delivery = it
        .deliveries("webhook:ticket", |all| all.iter().any(|one| one.state == DeliveryState::Delivered))
        .await;
    assert_eq!(got.header("webhook-id"), delivery[0].event);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mw_10_a_receiver_that_hangs_holds_up_neither_the_reply_nor_another_webhook() {
    let (it, good, bad) = (Eventful::start("hang").await, Receiver::start().await, Receiver::start().await);
    bad.answers(Answer::Hang);
    let hooks = [
        hook("bad", "action_completed", &bad.url("/bad"), "  timeout: 1\n  tries: 1\n"),
        hook("good", "action_completed", &good.url("/good"), ""),
    ];
    let file = it.file("hooks.yml", &format!("webhooks:\n{}", hooks.concat()));
    let runner = it.run(&format!("webhooks={}", file.display())).await;
    // The platform has the reply, and the good webhook its event, while the bad one hangs.
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    good.wait("/good", 1).await;
    bad.wait("/bad", 1).await;
    let failed =
        it.deliveries("webhook:bad", |all| all.iter().any(|one| one.state == DeliveryState::Failed)).await;
    assert!(failed[0].text.contains("timed out after 1 s"), "{failed:?}");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mw_11_a_failed_webhook_changes_no_action_and_fires_no_webhook() {
    let (it, receiver) = (Eventful::start("loop").await, Receiver::start().await);
    receiver.answers_on("/broken", Answer::Status(500));
    let hooks = [
        hook("broken", "action_completed", &receiver.url("/broken"), "  tries: 1\n"),
        hook("failures", "action_failed", &receiver.url("/failures"), ""),
    ];
    let file = it.file("hooks.yml", &format!("webhooks:\n{}", hooks.concat()));
    let runner = it.run(&format!("webhooks={}", file.display())).await;
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    runner.counts("webhooks_failed", 1).await;
    // An action that does fail comes after it: what else was to be fired would be there by then.
    assert_eq!(it.fire("Fail").await.2, Status::Error);
    let failures = receiver.wait("/failures", 1).await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    let failed = it.deliveries("webhook:broken", |all| !all.is_empty()).await;
    assert_eq!((failed[0].target_status, failed[0].state), (Some(500), DeliveryState::Failed));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mw_12_the_callback_url_ends_the_action_that_waits_once() {
    let (it, receiver) = (Eventful::start("callback").await, Receiver::start().await);
    let hooks =
        hook("wait", "action_waiting", &receiver.url("/wait"), "  payload:\n    cb: '{{callback_url}}'\n");
    let file = it.file("hooks.yml", &format!("webhooks:\n{hooks}"));
    let runner = it.run(&format!("webhooks={}", file.display())).await;
    let base = format!("http://127.0.0.1:{}", it.port);
    let ask = async |count: usize| {
        let got = receiver.wait("/wait", count).await;
        let url = got[count - 1].json()["cb"].as_str().unwrap().to_owned();
        url.strip_prefix(&base).unwrap().to_owned()
    };
    let id = it.world.fire("Callback", it.world.incident()).await;
    let path = ask(1).await;
    assert_eq!(it.world.sandbox.invocation(id).unwrap().status, Status::Pending);
    // A link checker asks like this; it must not end the action.
    assert_eq!(it.http("HEAD", &path, "", b"").await.0, 405);
    assert_eq!(it.http("GET", &path, "", b"").await.0, 200);
    assert_eq!(it.world.settled(id).await.status, Status::Error);
    assert_eq!(it.http("GET", &path, "", b"").await.0, 404, "a token can be used once");
    let other = format!("/tmp/{}", "00000000-0000-4000-8000-000000000000");
    assert_eq!(it.http("GET", &other, "", b"").await.0, 404);
    assert_eq!(it.http("GET", "/tmp/abc", "", b"").await.0, 400);

    // A POST answers; what cannot be read leaves the token as it is.
    let id = it.world.fire("Callback", it.world.incident()).await;
    let path = ask(2).await;
    for (wrong, why) in [
        ("", "JSON"),
        ("{\"message_type\": 7}", "message_type is 7"),
        ("{\"mesage\": \"x\"}", "unknown field"),
    ] {
        let (status, body) = it.http("POST", &path, "", wrong.as_bytes()).await;
        assert!(status == 400 && body.contains(why), "{wrong}: {body}");
    }
    assert_eq!(it.http("POST", &path, "", br#"{"message": "Approved", "message_type": 0}"#).await.0, 200);
    let ended = it.world.settled(id).await;
    assert_eq!((ended.status, ended.text().as_str()), (Status::Completed, "Approved"));
    runner.stop().await;

    // After its time the token is gone, and the action has failed.
    let runner = it.run(&format!("webhooks={}\n[probe]\nwait_ms=50", file.display())).await;
    let id = it.world.fire("Callback", it.world.incident()).await;
    let path = ask(3).await;
    assert_eq!(it.world.settled(id).await.status, Status::Error);
    assert_eq!(it.http("GET", &path, "", b"").await.0, 410);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_outlives_a_restart_of_the_runner() {
    let (it, receiver) = (Eventful::start("restart").await, Receiver::start().await);
    let hooks = hook(
        "wait",
        "action_waiting",
        &receiver.url("/wait"),
        "  payload: '{{callback_url}}'\n  format: plain\n",
    );
    let file = it.file("hooks.yml", &format!("webhooks:\n{hooks}"));
    let settings = format!("webhooks={}", file.display());
    let runner = it.run(&settings).await;
    let id = it.world.fire("Callback", it.world.incident()).await;
    let url = String::from_utf8(receiver.wait("/wait", 1).await[0].body.to_vec()).unwrap();
    runner.stop().await;
    let runner = it.run(&settings).await;
    let path = &url[url.find("/tmp").unwrap()..];
    assert_eq!(it.http("POST", path, "", br#"{"message": "Late but well"}"#).await.0, 200);
    assert_eq!(it.world.settled(id).await.status, Status::Completed);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mw_13_a_get_without_payload_has_no_body_and_a_redirect_is_not_followed() {
    let (it, receiver) = (Eventful::start("get").await, Receiver::start().await);
    receiver.answers_on("/moved", Answer::Status(302));
    let hooks = hook("get", "action_completed", &receiver.url("/moved"), "  payload: null\n  tries: 1\n");
    let file = it.file("hooks.yml", &format!("webhooks:\n{}", hooks.replace("POST", "GET")));
    let runner = it.run(&format!("webhooks={}", file.display())).await;
    it.fire("Tell").await;
    let got = receiver.wait("/moved", 1).await.remove(0);
    assert_eq!((got.method.as_str(), got.body.len()), ("GET", 0));
    let failed =
        it.deliveries("webhook:get", |all| all.iter().any(|one| one.state == DeliveryState::Failed)).await;
    assert_eq!(failed[0].target_status, Some(302));
    assert!(failed[0].text.contains("not followed"), "{failed:?}");
    assert_eq!(receiver.got().len(), 1);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_and_the_end_of_the_runner_are_told() {
    let (it, receiver) = (Eventful::start("up and down").await, Receiver::start().await);
    let payload = "  payload: '{{event.type}} {{destinations}}{{held}}'\n  format: text\n";
    let hooks = [
        hook("up", "runner_ready", &receiver.url("/up"), payload.replace("{{held}}", "").as_str()),
        hook(
            "down",
            "runner_stopping",
            &receiver.url("/down"),
            payload.replace("{{destinations}}", "").as_str(),
        ),
    ];
    let file = it.file("hooks.yml", &format!("webhooks:\n{}", hooks.concat()));
    let runner = it.run(&format!("webhooks={}", file.display())).await;
    let up = receiver.wait("/up", 1).await.remove(0);
    assert_eq!(up.body, r#"circuits.runner.ready ["actions.201.probe"]"#);
    runner.stop().await;
    let down = receiver.wait("/down", 1).await.remove(0);
    assert_eq!(down.body, "circuits.runner.stopping 0");
}
