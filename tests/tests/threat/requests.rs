//! Requests that are wrong, foreign or too large, over real connections.

use circuits_tests::eventful::Eventful;
use serde_json::Value;

use crate::desk::{artifact, source};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_refused_with_a_reason_and_the_service_goes_on() {
    let it = Eventful::start("wrong scans").await;
    let runner = it.run("[custom_threat_service]\npatience_ms=20000\n").await;
    let good = r#"{"type": "net.ip", "value": "x"}"#;
    for (method, path, body, status, says) in [
        ("POST", "/cts/desk", "", 400, "the request is empty"),
        ("POST", "/cts/desk", "{\"type\"", 400, "not JSON"),
        ("POST", "/cts/desk", "[1]", 400, "not an object"),
        ("POST", "/cts/desk", "{\"value\": \"x\"}", 400, "no \\\"type\\\""),
        ("POST", "/cts/nobody", good, 404, "no threat service"),
        ("POST", "/cts", good, 404, "no threat service"),
        ("PUT", "/cts/desk", good, 405, "OPTIONS, POST"),
        ("GET", "/cts/desk", "", 405, "OPTIONS, POST"),
        ("DELETE", "/cts/desk/f9acc1b7-6184-5746-873e-e385e6214261", "", 405, "GET"),
        ("GET", "/cts/desk/f9acc1b7-6184-5746-873e-e385e6214261", "", 200, "\"hits\":[]"),
        ("POST", "/cts/desk", good, 200, "\"hits\":[{\"props\":"),
    ] {
        let (got, answer) = it.http(method, path, "", body.as_bytes()).await;
        assert_eq!(got, status, "{method} {path} {:.40}: {answer}", body);
        assert!(answer.contains(says), "{method} {path} {:.40}: {answer}", body);
        assert!(serde_json::from_str::<Value>(&answer).is_ok(), "{answer}");
    }
    let form = [("Content-Type", "multipart/form-data; boundary=edge")];
    let (status, answer) = it.http_with("POST", "/cts/desk", &form, b"--edge\r\nhalf").await;
    assert!(status == 400 && answer.contains("multipart form cannot be read"), "{answer}");
    let host = "Host: localhost\r\nConnection: close";
    let large = format!("POST /cts/desk HTTP/1.1\r\n{host}\r\nContent-Length: 1048577\r\n\r\n");
    let answer = it.raw(large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("1048576 bytes"), "{answer}");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_has_to_know_the_password_if_one_is_set() {
    let it = Eventful::start("password").await;
    let runner = it.run("[custom_threat_service]\nauth_user=soar\nauth_password=cts-secret\n").await;
    let id = artifact(&it, "IP Address", "203.0.113.8");
    let sandbox = &it.world.sandbox;
    let with = source(&it, "desk").login("soar", "cts-secret");
    assert_eq!(sandbox.scan(&with, id).await.unwrap().hits.len(), 1);
    for wrong in [source(&it, "desk"), source(&it, "desk").login("soar", "wrong")] {
        let error = sandbox.scan(&wrong, id).await.unwrap_err().to_string();
        assert!(error.contains("401") && !error.contains("cts-secret"), "{error}");
    }
    let raw = it.raw(b"GET /cts/desk/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(
        raw.starts_with("HTTP/1.1 401") && raw.to_lowercase().contains("www-authenticate: basic"),
        "{raw}"
    );
    runner.stop().await;
}
