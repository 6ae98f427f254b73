//! The platform's side of custom threat services, against a service whose answers are written by hand.

use std::net::SocketAddr;
use std::time::Duration;

use circuits_sandbox::{Rule, Sandbox, ThreatSource};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A service that gives these answers, one for each connection, and then returns the requests that it got.
struct Scripted {
    address: SocketAddr,
    requests: JoinHandle<Vec<String>>,
}

impl Scripted {
    async fn start(answers: &[(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers.to_vec();
        let requests = tokio::spawn(async move {
            let mut requests = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = String::new();
                while !is_whole(&request) {
                    let mut bytes = [0; 4096];
                    let count = stream.read(&mut bytes).await.unwrap();
                    assert!(count > 0, "{request}");
                    request += std::str::from_utf8(&bytes[..count]).unwrap();
                }
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                requests.push(request);
            }
            requests
        });
        Self { address, requests }
    }

    fn source(&self) -> ThreatSource {
        let url = format!("http://{}/cts/feed", self.address);
        ThreatSource::new("Feed", &url).longest_pause(Duration::ZERO)
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap())
}

fn artifact(sandbox: &Sandbox, kind: &str, value: &str) -> i64 {
    sandbox.create_artifact(2095, json!({"type": kind, "value": value})).unwrap()
}

fn hits(sandbox: &Sandbox, id: i64) -> Value {
    let all = sandbox.artifacts(2095);
    all.iter().find(|artifact| artifact["id"] == id).unwrap()["hits"].clone()
}

#[tokio::test]
async fn it_asks_again_until_it_has_an_answer_and_shows_the_hits() {
    let rule = Rule::automatic("Artifact has changed").on_artifact().to("hits");
    let sandbox = Sandbox::builder().rule(rule).start().await.unwrap();
    let id = artifact(&sandbox, "IP Address", "203.0.113.7");
    let stats = || sandbox.queue_stats(&sandbox.queue("hits")).ready;
    let fired = stats();
    let service = Scripted::start(&[
        ("303 See Other", r#"{"id": "7", "hits": [], "retry_secs": 5}"#),
        ("303 See Other", r#"{"id": "7", "hits": [{"props": []}], "retry_secs": 60}"#),
        (
            "200 OK",
            r#"{"id": "7", "hits": [{"props": [{"type": "number", "name": "Score", "value": "9"}]}, {"props": []}]}"#,
        ),
    ])
    .await;
    let scan = sandbox.scan(&service.source().login("soar", "secret"), id).await.unwrap();
    assert_eq!(
        (scan.id.as_str(), scan.retries, scan.file_sent, scan.hits.len()),
        ("7", vec![5, 60], false, 2)
    );
    let shown = hits(&sandbox, id);
    assert_eq!(shown[0]["properties"], json!([{"type": "number", "name": "Score", "value": "9"}]));
    assert_eq!((&shown[0]["threat_source"]["name"], &shown[1]["properties"]), (&json!("Feed"), &json!([])));
    assert_eq!(stats(), fired + 1, "rules hear of it");
    let requests = service.requests.await.unwrap();
    let lines: Vec<_> = requests.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(lines, ["POST /cts/feed HTTP/1.1", "GET /cts/feed/7 HTTP/1.1", "GET /cts/feed/7 HTTP/1.1"]);
    assert!(requests[0].ends_with(r#"{"type":"net.ip","value":"203.0.113.7"}"#), "{requests:?}");
    assert!(requests.iter().all(|request| request.contains("Basic c29hcjpzZWNyZXQ=")), "{requests:?}");
    // A later answer takes the place of an earlier one.
    let service = Scripted::start(&[("200 OK", r#"{"id": "7", "hits": []}"#)]).await;
    sandbox.scan(&service.source(), id).await.unwrap();
    assert_eq!(hits(&sandbox, id), json!([]));
}

#[tokio::test]
async fn a_file_is_sent_to_a_service_that_takes_files() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let id = artifact(&sandbox, "Email Attachment", "a.exe");
    for (options, sent) in
        [(r#"{"upload_file": true}"#, true), (r#"{"upload_file": false}"#, false), ("", false)]
    {
        let service = Scripted::start(&[("200 OK", options), ("200 OK", r#"{"id": "7", "hits": []}"#)]).await;
        let scan = sandbox.scan_file(&service.source(), id, "a\"b.exe", b"MZ\r\n").await.unwrap();
        assert_eq!(scan.file_sent, sent);
        let requests = service.requests.await.unwrap();
        assert!(requests[0].starts_with("OPTIONS /cts/feed HTTP/1.1\r\n"), "{requests:?}");
        assert!(
            requests[1].contains("name=\"artifact\"") && requests[1].contains("file.content"),
            "{requests:?}"
        );
        let file = "name=\"file\"; filename=\"a_b.exe\"\r\nContent-Type: application/octet-stream\r\n\r\nMZ\r\n\r\n--";
        assert_eq!(requests[1].contains(file), sent, "{requests:?}");
    }
}

#[tokio::test]
async fn what_is_not_the_protocol_is_an_error_that_names_the_service() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let id = artifact(&sandbox, "URL", "http://example.org");
    for (status, body, says) in [
        ("401 Unauthorized", "{\"error\": \"who?\"}", "neither 200 nor 303: 401 {\"error\": \"who?\"}"),
        ("500 Oops", "", "neither 200 nor 303: 500"),
        ("200 OK", "<html>", "no id"),
        ("200 OK", r#"{"hits": []}"#, "no id"),
        ("200 OK", r#"{"id": "7"}"#, "no hits"),
        ("303 See Other", r#"{"id": "7", "hits": []}"#, "no retry_secs"),
        ("200 OK", r#"{"id": "7", "hits": [{}]}"#, "a hit without props"),
        (
            "200 OK",
            r#"{"id": "7", "hits": [{"props": [{"type": "text", "name": "N", "value": "v"}]}]}"#,
            "a property",
        ),
        (
            "200 OK",
            r#"{"id": "7", "hits": [{"props": [{"type": "number", "name": "N", "value": 1}]}]}"#,
            "a property",
        ),
    ] {
        let service = Scripted::start(&[(status, body)]).await;
        let error = sandbox.scan(&service.source(), id).await.unwrap_err();
        assert!(error.is_refused() && error.to_string().contains("Feed"), "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_eq!(hits(&sandbox, id), json!([]));
    }
    let source = ThreatSource::new("Feed", "ftp://127.0.0.1/x");
    let error = sandbox.scan(&source, id).await.unwrap_err().to_string();
    assert!(error.contains("begin with http://"), "{error}");
    let text = artifact(&sandbox, "String", "x");
    assert!(sandbox.scan(&source, text).await.unwrap_err().to_string().contains("not asked about"));
    assert!(sandbox.scan(&source, 1).await.unwrap_err().is_unknown());
}
