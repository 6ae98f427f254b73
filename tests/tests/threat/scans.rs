//! Scans from the artifact to its hits, beside a runner that answers actions meanwhile.

use circuits::extension::Extensions;
use circuits_sandbox::{Scan, Status};
use circuits_tests::eventful::Eventful;
use serde_json::{Value, json};

use crate::desk::{GATE, artifact, asked, source, unblock, until_asked};

/// The values of a hit's properties.
fn values(hit: &Value) -> Vec<&str> {
    hit["props"].as_array().unwrap().iter().map(|property| property["value"].as_str().unwrap()).collect()
}

async fn scan(it: &Eventful, service: &str, artifact: i64) -> Scan {
    it.world.sandbox.scan(&source(it, service), artifact).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_gets_its_hits_and_an_equal_one_asks_nobody() {
    let it = Eventful::start("scan").await;
    let runner = it.run("[custom_threat_service]\npatience_ms=20000\n[desk]\nlist=watched\n").await;
    let one = artifact(&it, "IP Address", "203.0.113.7");
    let scanned = scan(&it, "desk", one).await;
    assert_eq!((values(&scanned.hits[0]), scanned.retries), (vec!["watched", "1"], vec![]));
    let equal = artifact(&it, "IP Address", "203.0.113.7");
    let again = scan(&it, "desk", equal).await;
    assert_eq!((again.id, again.hits, asked("203.0.113.7")), (scanned.id, scanned.hits, 1));
    let shown = it.world.sandbox.artifacts(2095);
    for id in [one, equal] {
        let artifact = shown.iter().find(|artifact| artifact["id"] == id).unwrap();
        assert_eq!(artifact["hits"][0]["properties"][0]["value"], "watched");
    }
    // Another type is another request, and `addresses` knows addresses alone.
    let name = artifact(&it, "DNS Name", "203.0.113.7");
    assert_eq!(values(&scan(&it, "desk", name).await.hits[0]), ["watched", "2"]);
    assert_eq!(scan(&it, "addresses", name).await.hits, [] as [Value; 0]);
    assert_eq!(values(&scan(&it, "addresses", one).await.hits[0]), ["203.0.113.7"]);
    // As `resutil threatservicetest` asks.
    let test = artifact(&it, "DNS Name", "localhost");
    assert_eq!((scan(&it, "desk", test).await.hits.len(), asked("localhost")), (0, 0));
    let clean = artifact(&it, "URL", "clean");
    assert_eq!(scan(&it, "desk", clean).await.hits, [] as [Value; 0]);
    runner.counts("threat_lookups", 4).await;
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_asks_again_while_a_lookup_runs_or_does_not_know_yet() {
    let it = Eventful::start("ask again").await;
    let settings = "[custom_threat_service]\npatience_ms=0\nfirst_retry_secs=3\nlater_retry_secs=30\nmax_retries=1000000\n";
    let runner = it.run(settings).await;
    let slow = artifact(&it, "URL", "gate 1");
    let desk = source(&it, "desk");
    let (first, second, ()) =
        tokio::join!(it.world.sandbox.scan(&desk, slow), it.world.sandbox.scan(&desk, slow), async {
            until_asked("gate 1", 1).await;
            // Actions are answered meanwhile.
            assert_eq!(it.fire("Tell").await.2, Status::Completed);
            GATE.add_permits(1);
        });
    let first = first.unwrap();
    assert_eq!((first.retries[0], values(&first.hits[0])), (3, vec!["default", "1"]));
    assert!(first.retries[1..].iter().all(|seconds| *seconds == 30), "{first:?}");
    assert_eq!((&second.unwrap().id, asked("gate 1")), (&first.id, 1), "both waited for one lookup");
    let unfinished = artifact(&it, "URL", "twice");
    let scanned = scan(&it, "desk", unfinished).await;
    assert_eq!((values(&scanned.hits[0]), asked("twice")), (vec!["default", "3"], 3));
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_fails_or_panics_is_counted_and_answered_and_the_runner_goes_on() {
    let it = Eventful::start("failing lookups").await;
    let runner = it.run("").await;
    for (before, value) in [(0, "fails"), (2, "panics")] {
        let id = artifact(&it, "URL", value);
        assert_eq!(scan(&it, "desk", id).await.hits, [] as [Value; 0]);
        runner.counts("threat_errors", before + 1).await;
        scan(&it, "desk", id).await;
        assert_eq!(asked(value), 2, "a failure is not kept");
        runner.counts("threat_errors", before + 2).await;
        let id = artifact(&it, "URL", &format!("after {value}"));
        assert_eq!(scan(&it, "desk", id).await.hits.len(), 1);
        assert_eq!(it.fire("Tell").await.2, Status::Completed);
    }
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_blocks_its_thread_holds_up_neither_actions_nor_answers() {
    let it = Eventful::start("blocked thread").await;
    let runner = it.run("[custom_threat_service]\npatience_ms=0\n").await;
    let id = artifact(&it, "URL", "blocks");
    let desk = source(&it, "desk");
    let (scanned, ()) = tokio::join!(it.world.sandbox.scan(&desk, id), async {
        until_asked("blocks", 1).await;
        let (status, body) = it.http("POST", "/cts/desk", "", br#"{"type": "net.ip", "value": "x"}"#).await;
        assert!(status == 303 && body.contains("\"retry_secs\":5"), "{body}");
        assert_eq!(it.fire("Tell").await.2, Status::Completed);
        unblock();
    });
    assert_eq!(scanned.unwrap().hits.len(), 1);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_reaches_the_handler_up_to_the_size_that_is_set() {
    let it = Eventful::start("files").await;
    let file = vec![b'M'; 1_500_000];
    for (more, sent) in [("upload_file=true\nupload_max_mb=2\n", true), ("", false)] {
        let runner = it.run(&format!("[custom_threat_service]\n{more}")).await;
        let id = artifact(&it, "Other File", "a.exe");
        let sandbox = &it.world.sandbox;
        let scanned = sandbox.scan_file(&source(&it, "desk"), id, "a.exe", &file).await.unwrap();
        assert_eq!(scanned.file_sent, sent);
        let values = values(&scanned.hits[0]);
        assert_eq!(values[2..], if sent { vec!["a.exe", "1500000"] } else { vec![] });
        if sent {
            // The head alone: the answer may come, and the connection end, before a body has been sent.
            let host = "Host: localhost\r\nConnection: close";
            let head = format!("POST /cts/desk HTTP/1.1\r\n{host}\r\nContent-Length: 2097153\r\n\r\n");
            let answer = it.raw(head.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("2097152 bytes"), "{answer}");
            let other = sandbox.scan_file(&source(&it, "addresses"), id, "a.exe", &file).await.unwrap();
            assert!(!other.file_sent, "this service takes none");
        }
        runner.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_an_id_is_unknown_and_the_same_scan_has_the_same_id() {
    let it = Eventful::start("restart").await;
    let settings = "[custom_threat_service]\npatience_ms=0\n";
    let runner = it.run(settings).await;
    let body = br#"{"type":"net.uri","value":"hangs http://example.org"}"#;
    let (status, pending) = it.http("POST", "/cts/desk", "", body).await;
    assert_eq!(status, 303, "{pending}");
    until_asked("hangs http://example.org", 1).await;
    // The handler at work does not hold up the end.
    runner.stop().await;
    let id = serde_json::from_str::<Value>(&pending).unwrap()["id"].as_str().unwrap().to_owned();
    let runner = it.run(settings).await;
    let (status, body_now) = it.http("GET", &format!("/cts/desk/{id}"), "", b"").await;
    assert_eq!(
        (status, serde_json::from_str::<Value>(&body_now).unwrap()),
        (200, json!({"id": id, "hits": []}))
    );
    let (status, again) = it.http("POST", "/cts/desk", "", body).await;
    assert!(status == 303 && again.contains(&id), "{again}");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noload_leaves_a_service_out_and_a_missing_port_is_a_fault() {
    let it = Eventful::start("left out").await;
    let runner = it.run("noload=addresses\n").await;
    let (status, body) = it.http("OPTIONS", "/cts/addresses", "", b"").await;
    assert!(status == 404 && body.contains("no threat service"), "{body}");
    assert_eq!(it.http("OPTIONS", "/cts/desk", "", b"").await, (200, "{\"upload_file\":false}".to_owned()));
    runner.stop().await;
    for (more, says) in [
        ("http_port=0\n[custom_threat_service]\n", "set http_port="),
        ("[custom_threat_service]\ncache_sice=1\n", "did you mean `cache_size`?"),
        ("[desk]\nlst=x\n", "did you mean `list`?"),
    ] {
        let config = it.world.config(&it.probe, more);
        let config =
            if more.starts_with("http") { config } else { it.world.config(&it.probe, &it.settings(more)) };
        let error = Extensions::open(&config).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
