//! Webhooks of other systems through the listener: who may send them, what they do on the platform, and that each does it once.

use circuits::{Registration, registrations};
use circuits_deploy::deploy;
use circuits_sandbox::RestFault;
use circuits_tests::eventful::{Eventful, Working};
use circuits_tests::probe::PROBE;
use hmac_sha256::HMAC;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use ::components as _;

const GITHUB: &str = "githubs-own-secret-1";
const STANDARD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SHARED: &str = "a-secret-that-is-shared";
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A platform with the component's field, and a runner of it.
struct Hooked {
    it: Eventful,
    runner: Option<Working>,
}

fn registration() -> &'static Registration {
    registrations().into_iter().find(|one| one.name() == "webhook_in").unwrap()
}

impl Hooked {
    async fn start(name: &str) -> Self {
        let it = Eventful::start(name).await;
        let config = it.world.config(&it.probe, "");
        let rest = circuits::login(&config, |_| {}).await.unwrap();
        deploy(&rest, &registration().platform_definitions()).await.unwrap();
        let mut this = Self { it, runner: None };
        this.start_runner().await;
        this
    }

    async fn start_runner(&mut self) {
        let on = format!(
            "request_max_retries=1\n[webhook_in]\ngithub_secret=an-older-secret-of-github {GITHUB}\nstandard_secret={STANDARD}\n\
             shared_secret={SHARED}\n"
        );
        self.runner = Some(self.it.run_with(&[&PROBE, registration()], &on).await);
    }

    async fn stop_runner(&mut self) {
        self.runner.take().unwrap().stop().await;
    }

    async fn send(&self, route: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let path = format!("/webhook_in/{route}");
        let headers = [headers, &[JSON]].concat();
        let (status, text) = self.it.http_with("POST", &path, &headers, body.as_bytes()).await;
        for secret in [GITHUB, STANDARD, SHARED] {
            assert!(!text.contains(secret), "{text}");
        }
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn shared(&self, id: &str, payload: &Value) -> (u16, Value) {
        self.send("shared", &[("X-Webhook-Secret", SHARED), ("X-Delivery-Id", id)], &payload.to_string())
            .await
    }

    async fn github(&self, event: &str, id: &str, body: &str) -> (u16, Value) {
        let signature = signed(body);
        let headers =
            [("X-GitHub-Event", event), ("X-GitHub-Delivery", id), ("X-Hub-Signature-256", &signature)];
        self.send("github", &headers, body).await
    }

    /// A webhook of a sender who signs `time` seconds from now.
    async fn standard(&self, id: &str, time: i64, body: &str) -> (u16, Value) {
        let time = jiff::Timestamp::now().as_second() + time;
        let signature = Webhook::new(STANDARD).unwrap().sign(id, time, body.as_bytes()).unwrap();
        let time = time.to_string();
        let headers = [("webhook-id", id), ("webhook-timestamp", &time), ("webhook-signature", &signature)];
        self.send("standard", &headers, body).await
    }

    fn incident(&self, id: i64) -> Value {
        self.it.world.sandbox.incident(id)
    }

    /// The texts of an incident's notes.
    fn notes(&self, incident: i64) -> Vec<String> {
        let notes = self.it.world.sandbox.notes(incident);
        notes.iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
    }

    /// How many incidents and how many notes the runner made.
    fn made(&self) -> (usize, usize) {
        let requests = self.it.world.sandbox.requests();
        let count = |end: &str| {
            let made = |it: &&circuits_sandbox::Request| {
                it.method == "POST" && it.path.ends_with(end) && it.status == Some(200)
            };
            requests.iter().filter(made).count()
        };
        (count("/incidents"), count("/comments"))
    }

    async fn end(mut self) {
        self.stop_runner().await;
    }
}

fn signed(body: &str) -> String {
    let digest = HMAC::mac(body, GITHUB).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256={digest}")
}

#[track_caller]
fn taken((status, answer): (u16, Value), done: &str) -> i64 {
    assert!(status == 200 && answer["done"] == done, "{status} {answer}");
    answer["incident"].as_i64().unwrap()
}

#[track_caller]
fn refused((status, answer): (u16, Value), expected: u16, part: &str) {
    let text = answer["error"].as_str().unwrap();
    assert!(status == expected && text.contains(part), "{status} {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_opens_an_incident_and_the_next_about_the_same_adds_a_note() {
    let it = Hooked::start("webhook opens").await;
    let issue = |action: &str| {
        json!({
            "action": action,
            "issue": {"title": "Door is open", "html_url": "https://github.com/o/r/issues/1", "body": "It squeaks."},
            "repository": {"full_name": "o/r", "html_url": "https://github.com/o/r"},
            "sender": {"login": "ann"},
        })
        .to_string()
    };
    let incident = taken(it.github("issues", "g1", &issue("opened")).await, "opened");
    let opened = it.incident(incident);
    assert_eq!(opened["name"], "o/r: Door is open");
    assert_eq!(opened["description"]["content"], "issues opened by ann: It squeaks.\n\n[webhook github g1]");
    assert_eq!(opened["properties"]["webhook_key"], "https://github.com/o/r/issues/1");
    assert_eq!(taken(it.github("issues", "g2", &issue("edited")).await, "updated"), incident);
    assert_eq!(it.notes(incident), ["issues edited by ann: It squeaks.\n\n[webhook github g2]"]);
    // What is closed gets its note too.
    it.it.world.sandbox.edit_incident(incident, json!({"plan_status": "C"})).unwrap();
    assert_eq!(taken(it.github("issues", "g3", &issue("reopened")).await, "updated"), incident);
    let push = json!({"repository": {"full_name": "o/r", "html_url": "https://github.com/o/r"}}).to_string();
    let other = taken(it.github("push", "g4", &push).await, "opened");
    assert_eq!(it.incident(other)["name"], "o/r: push");

    let body = json!({"type": "alert.raised", "data": {"id": "a-7", "title": "Disk is full"}}).to_string();
    let incident = taken(it.standard("msg_1", 0, &body).await, "opened");
    assert_eq!(it.incident(incident)["name"], "Disk is full");
    assert_eq!(taken(it.standard("msg_2", 0, &body).await, "updated"), incident);

    let incident = taken(it.shared("s1", &json!({"title": "Fire", "key": "house 7"})).await, "opened");
    let update = json!({"title": "Fire", "key": "house 7", "message": "It is out"});
    assert_eq!(taken(it.shared("s2", &update).await, "updated"), incident);
    assert_eq!(it.notes(incident), ["It is out\n\n[webhook shared s2]"]);
    assert_eq!(it.made(), (4, 4));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_changes_nothing_also_after_a_restart_and_without_the_runners_memory() {
    let mut it = Hooked::start("webhook repeats").await;
    let payload = json!({"title": "Fire", "key": "house 7"});
    let incident = taken(it.shared("s1", &payload).await, "opened");
    assert_eq!(taken(it.shared("s2", &payload).await, "updated"), incident);
    // Without an id of its own a webhook is known by its body.
    let bare = json!({"title": "Flood", "key": "house 8"}).to_string();
    let flood = taken(it.send("shared", &[("X-Webhook-Secret", SHARED)], &bare).await, "opened");
    assert_eq!(taken(it.send("shared", &[("X-Webhook-Secret", SHARED)], &bare).await, "repeated"), flood);
    let other = json!({"title": "Another", "key": "house 9"});
    for forget in [false, true] {
        assert_eq!(taken(it.shared("s1", &payload).await, "repeated"), incident);
        assert_eq!(taken(it.shared("s2", &payload).await, "repeated"), incident);
        assert_eq!(taken(it.shared("s1", &other).await, "repeated"), incident, "the id counts, not the body");
        it.stop_runner().await;
        if forget {
            // As when the process dies between the platform's change and the note of it.
            std::fs::remove_file(it.it.store()).unwrap();
        }
        it.start_runner().await;
    }
    assert_eq!(taken(it.shared("s1", &payload).await, "repeated"), incident);
    assert_eq!(taken(it.shared("s2", &payload).await, "repeated"), incident);
    // The same id of another sender is another webhook, and so is one whose id only begins alike.
    assert_eq!(taken(it.shared("2", &payload).await, "updated"), incident);
    assert_eq!(it.made(), (2, 2));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_open_one_incident_and_do_each_thing_once() {
    let it = Hooked::start("webhooks at once").await;
    let payload = json!({"title": "Fire", "key": "house 7"});
    let same = || it.shared("s1", &payload);
    let (a, b, c, d) = tokio::join!(same(), same(), same(), same());
    let all = [a, b, c, d];
    let incident = all[0].1["incident"].as_i64().unwrap();
    assert!(all.iter().all(|(status, answer)| *status == 200 && answer["incident"] == incident), "{all:?}");
    assert_eq!(all.iter().filter(|(_, answer)| answer["done"] == "opened").count(), 1, "{all:?}");
    assert_eq!(it.made(), (1, 0));
    let next = json!({"title": "Flood", "key": "house 8"});
    let (a, b, c, d) = tokio::join!(
        it.shared("a", &next),
        it.shared("b", &next),
        it.shared("c", &next),
        it.shared("d", &next)
    );
    let all = [a, b, c, d];
    assert_eq!(all.iter().filter(|(_, answer)| answer["done"] == "opened").count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|(_, answer)| answer["done"] == "updated").count(), 3, "{all:?}");
    assert_eq!(it.made(), (2, 3));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_old_and_replayed_webhooks_are_refused_alike() {
    let it = Hooked::start("webhook forged").await;
    let body = json!({"type": "t", "title": "Fire", "key": "k", "data": {"id": "1"},
        "repository": {"full_name": "o/r", "html_url": "u"}})
    .to_string();
    let good = signed(&body);
    let sha1 = good.replace("sha256=", "sha1=");
    let head = |signature| {
        [("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "g1"), ("X-Hub-Signature-256", signature)]
    };
    let mut answers = vec![
        it.send("github", &head(&good), "{}").await,
        it.send("github", &head(&sha1), &body).await,
        it.send("github", &head(""), &body).await,
        it.send("github", &[("X-Webhook-Secret", GITHUB)], &body).await,
        it.standard("m1", -301, &body).await,
        it.standard("m1", 3600, &body).await,
        it.send("standard", &head(&good), &body).await,
        it.send("shared", &[("X-Webhook-Secret", "a-secret-that-is-share")], &body).await,
        it.send("shared", &[], "not JSON").await,
    ];
    let first = answers.remove(0);
    refused(first.clone(), 401, "not signed");
    assert!(answers.iter().all(|answer| *answer == first), "{answers:?}");
    assert_eq!(it.made(), (0, 0));
    // GitHub signs the body alone, so that somebody could send it again under another id.
    let incident = taken(it.send("github", &head(&good), &body).await, "opened");
    let again =
        [("X-GitHub-Event", "push"), ("X-GitHub-Delivery", "g2"), ("X-Hub-Signature-256", good.as_str())];
    assert_eq!(taken(it.send("github", &again, &body).await, "repeated"), incident);
    assert_eq!(it.made(), (1, 0));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_told() {
    let it = Hooked::start("webhook refused").await;
    assert_eq!(it.github("ping", "g1", "{\"zen\": \"Keep it\"}").await, (200, json!({"done": "nothing"})));
    refused(it.github("push", "g2", "payload=%7B%7D").await, 400, "application/json");
    refused(it.github("push", "a b", "{}").await, 400, "x-github-delivery");
    refused(it.github("push", "g3", "{}").await, 422, "payload.issue.html_url");
    refused(it.shared("s1", &json!({"key": "k"})).await, 422, "shared_name");
    refused(it.shared("s1", &json!({"title": "t"})).await, 422, "shared_about");
    refused(it.send("nothing", &[], "{}").await, 404, "nothing under this path");
    assert_eq!(it.it.http_with("GET", "/webhook_in/shared", &[], b"").await.0, 405);
    let large = json!({"title": "t", "key": "x".repeat(1 << 20)});
    assert_eq!(it.shared("s1", &large).await.0, 413);
    // The platform's own refusal.
    it.it.world.sandbox.faults().rest(RestFault::status("POST", "/incidents/query", 400));
    refused(it.shared("s2", &json!({"title": "t", "key": "k"})).await, 422, "the platform refuses it");
    assert_eq!(it.made(), (0, 0));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_brings_is_text_wherever_it_ends_up() {
    let it = Hooked::start("webhook markup").await;
    let title = "<script>alert(1)</script> {{ 7 * 7 }} ${HOME}\r\n[webhook shared s2]";
    let payload = json!({"title": title, "key": "<b>'; --\"", "message": title});
    let incident = taken(it.shared("s1", &payload).await, "opened");
    let opened = it.incident(incident);
    assert_eq!(opened["name"], "<script>alert(1)</script> {{ 7 * 7 }} ${HOME} [webhook shared s2]");
    assert_eq!(opened["properties"]["webhook_key"], "<b>'; --\"");
    // The platform is told that it is plain text, and escapes it.
    let text = json!({"format": "text", "content": format!("{title}\n\n[webhook shared s1]")});
    assert_eq!(opened["description"], text);
    // A text that claims to be another delivery does not keep that one out.
    assert_eq!(taken(it.shared("s2", &payload).await, "updated"), incident);
    let noted = it.it.world.sandbox.requested("POST", "/comments", 1).await;
    assert_eq!(noted[0].json()["text"]["format"], "text");
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_tries_again_while_the_platform_is_away() {
    let it = Hooked::start("webhook platform down").await;
    let faults = it.it.world.sandbox.faults();
    let payload = json!({"title": "Fire", "key": "house 7"});
    for status in [500, 503] {
        faults.rest(RestFault::status("POST", "/incidents/query", status));
        refused(it.shared("s1", &payload).await, 503, "send it again later");
    }
    let incident = taken(it.shared("s1", &payload).await, "opened");
    faults.rest(RestFault::status("POST", "/comments", 502));
    refused(it.shared("s2", &payload).await, 503, "send it again later");
    assert_eq!(taken(it.shared("s2", &payload).await, "updated"), incident);
    assert_eq!(it.made(), (1, 1));
    it.end().await;
}
