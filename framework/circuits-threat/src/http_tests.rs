//! Every path and method, and what each answers.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use circuits::Result;
use circuits::web::axum::body::{Body, to_bytes};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::Value;

use super::*;
use crate::service::tests::{config, service};
use crate::{Artifact, Hit, Lookup, Searcher};

async fn look_up(artifact: Artifact) -> Result<Lookup> {
    match artifact.value() {
        "slow" => std::future::pending().await,
        "not yet" => Ok(Lookup::not_yet().so_far([Hit::new().string("Stage", "queued")])),
        _ => {
            let size = artifact.file().map(|file| file.bytes().len().to_string());
            let hit = Hit::new().string("Value", artifact.value());
            Ok(hit.with(size, |hit, size| hit.string("Size", size)).into())
        }
    }
}

/// The HTTP side of the services `addresses` (for `net.ip` alone) and `files`, with these lines in the section.
fn side(lines: &str) -> Side {
    let settings = crate::settings::read(&config(&format!("[custom_threat_service]\n{lines}"))).unwrap();
    let addresses = service("addresses", Searcher::builder(()).on("net.ip", look_up).build());
    let mut files = service("files", Searcher::builder(()).on_any(look_up).build());
    files.files = true;
    let (engine, jobs) =
        crate::engine::Engine::new(vec![addresses, files], settings.limits.clone(), Box::new(|_| {}));
    tokio::spawn(Arc::clone(&engine).run(jobs));
    Side { engine, settings: Arc::new(settings) }
}

struct Got {
    status: u16,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

async fn ask_with(side: &Side, line: &str, headers: &[(HeaderName, String)], body: impl Into<Bytes>) -> Got {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = side.clone().mount().call(request.body(Body::from(body.into())).unwrap()).await;
    let (head, body) = response.into_parts();
    assert_eq!(head.headers[CONTENT_TYPE], "application/json", "{line}");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Got { status: head.status.as_u16(), headers: head.headers, body }
}

async fn ask(side: &Side, line: &str, body: impl Into<Bytes>) -> Got {
    ask_with(side, line, &[], body).await
}

fn artifact(kind: &str, value: &str) -> String {
    json!({"type": kind, "value": value}).to_string()
}

#[tokio::test(start_paused = true)]
async fn a_scan_is_answered_with_hits_or_with_when_to_ask_again() {
    let side = side("first_retry_secs=7\nlater_retry_secs=70");
    let scanned = ask(&side, "POST /cts/addresses", artifact("net.ip", "203.0.113.7")).await;
    assert_eq!(scanned.status, 200);
    let known = scanned.json();
    let id = known["id"].as_str().unwrap().to_owned();
    let hits = json!([{"props": [{"type": "string", "name": "Value", "value": "203.0.113.7"}]}]);
    assert_eq!(known, json!({"id": id, "hits": hits}));
    // It is found under its id too, with and without a slash at the end.
    for path in [format!("GET /cts/addresses/{id}"), format!("GET /cts/addresses/{id}/")] {
        let polled = ask(&side, &path, "").await;
        assert_eq!((polled.status, polled.json()), (200, known.clone()));
    }
    let slow = ask(&side, "POST /cts/addresses/", artifact("net.ip", "slow")).await;
    let id = slow.json()["id"].clone();
    assert_eq!((slow.status, slow.json()), (303, json!({"id": id, "hits": [], "retry_secs": 7})));
    let path = format!("GET /cts/addresses/{}", id.as_str().unwrap());
    let polled = ask(&side, &path, "").await;
    assert_eq!((polled.status, polled.json()), (303, json!({"id": id, "hits": [], "retry_secs": 70})));
    // The other service knows nothing of it.
    let other = ask(&side, &path.replace("addresses", "files"), "").await;
    assert_eq!((other.status, other.json()), (200, json!({"id": id, "hits": []})));
    tokio::time::advance(Duration::from_secs(120)).await;
    let failed = ask(&side, &path, "").await;
    assert_eq!((failed.status, failed.json()), (200, json!({"id": id, "hits": []})));
    let stage = json!([{"props": [{"type": "string", "name": "Stage", "value": "queued"}]}]);
    let unfinished = ask(&side, "POST /cts/addresses", artifact("net.ip", "not yet")).await;
    assert_eq!((unfinished.status, &unfinished.json()["hits"]), (303, &stage));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_at_once_about_what_no_handler_takes_and_about_the_platforms_test() {
    let side = side("");
    for body in [artifact("net.uri", "slow"), artifact("net.name", "localhost")] {
        let got = ask(&side, "POST /cts/addresses", body.clone()).await;
        assert_eq!((got.status, &got.json()["hits"]), (200, &json!([])), "{body}");
    }
    let got = ask(&side, "POST /cts/files", artifact("net.name", "localhost")).await;
    assert_eq!((got.status, &got.json()["hits"]), (200, &json!([])), "also where a handler takes it");
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_and_paths_and_wrong_methods_are_told() {
    let side = side("urlbase=/a/b/");
    for id in ["f9acc1b7-6184-5746-873e-e385e6214261", "no-uuid", "%00", "a%22b"] {
        let got = ask(&side, &format!("GET /a/b/addresses/{id}"), "").await;
        assert_eq!((got.status, got.json()), (200, json!({"id": id, "hits": []})));
    }
    for line in [
        "POST /a/b",
        "POST /a/b/",
        "OPTIONS /a/b/other",
        "POST /a/b/other",
        "GET /a/b/other/f9acc1b7-6184-5746-873e-e385e6214261",
        "GET /a/b/addresses/f9acc1b7-6184-5746-873e-e385e6214261/more",
        "GET /a/b//addresses",
    ] {
        let got = ask(&side, line, artifact("net.ip", "x")).await;
        assert_eq!(got.status, 404, "{line}");
        assert!(got.json()["error"].as_str().unwrap().contains("no threat service"), "{line}");
    }
    for (line, allowed) in [
        ("GET /a/b/addresses", "OPTIONS, POST"),
        ("PUT /a/b/addresses", "OPTIONS, POST"),
        ("HEAD /a/b/addresses", "OPTIONS, POST"),
        ("POST /a/b/addresses/f9acc1b7-6184-5746-873e-e385e6214261", "GET"),
        ("OPTIONS /a/b/addresses/f9acc1b7-6184-5746-873e-e385e6214261", "GET"),
        ("DELETE /a/b/addresses/f9acc1b7-6184-5746-873e-e385e6214261", "GET"),
    ] {
        let got = ask(&side, line, "").await;
        assert_eq!((got.status, got.header(ALLOW)), (405, allowed), "{line}");
    }
    let bad = ask(&side, "POST /a/b/addresses", "{").await;
    assert_eq!(bad.status, 400);
    assert!(bad.json()["error"].as_str().unwrap().contains("not JSON"));
}

#[tokio::test(start_paused = true)]
async fn files_are_taken_where_service_and_settings_allow_them() {
    let form = [(CONTENT_TYPE, "multipart/form-data; boundary=edge".to_owned())];
    let body = |content: &str| {
        format!(
            "--edge\r\nContent-Disposition: form-data; name=\"artifact\"\r\n\r\n{}\r\n--edge\r\nContent-Disposition: form-data; \
             name=\"file\"; filename=\"a.exe\"\r\n\r\n{content}\r\n--edge--\r\n",
            artifact("net.ip", "a.exe")
        )
    };
    let mib = 1024 * 1024;
    for (lines, addresses, files, largest) in [
        ("", false, false, mib),
        ("upload_file=true", false, true, 10 * mib),
        ("upload_file=true\nupload_max_mb=3", false, true, 3 * mib),
    ] {
        let side = side(lines);
        assert_eq!(side.clone().mount().body_limit(), largest);
        for (name, takes) in [("addresses", addresses), ("files", files)] {
            let options = ask(&side, &format!("OPTIONS /cts/{name}"), "").await;
            assert_eq!((options.status, options.json()), (200, json!({"upload_file": takes})));
            let got = ask_with(&side, &format!("POST /cts/{name}"), &form, body("MZ")).await;
            assert_eq!(got.status, if takes { 200 } else { 415 }, "{name} {lines}");
            if takes {
                assert_eq!(got.json()["hits"][0]["props"][1]["value"], "2");
                // Another content under the same name is another request.
                let other = ask_with(&side, &format!("POST /cts/{name}"), &form, body("MZ.")).await;
                assert_eq!(other.json()["hits"][0]["props"][1]["value"], "3");
                assert_ne!(other.json()["id"], got.json()["id"]);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_know_the_password_gets_401_and_learns_nothing() {
    let side = side("auth_user=soar\nauth_password=secret");
    let basic = |login: &str| vec![(AUTHORIZATION, format!("Basic {}", STANDARD.encode(login)))];
    for headers in
        [vec![], basic("soar:wrong"), basic("other:secret"), vec![(AUTHORIZATION, "Basic".to_owned())]]
    {
        for line in [
            "POST /cts/addresses",
            "GET /cts/addresses/f9acc1b7-6184-5746-873e-e385e6214261",
            "GET /cts/addresses",
            "POST /cts/other",
            "GET /cts/a/b/c",
            "OPTIONS /cts/other",
        ] {
            let got = ask_with(&side, line, &headers, artifact("net.ip", "x")).await;
            assert_eq!(got.status, 401, "{line} {headers:?}");
            assert!(got.header(WWW_AUTHENTICATE).starts_with("Basic realm="), "{line}");
        }
        // As in the Python client, anybody may ask what a service can do.
        assert_eq!(ask_with(&side, "OPTIONS /cts/addresses", &headers, "").await.status, 200);
    }
    let login = basic("soar:secret");
    assert_eq!(ask_with(&side, "POST /cts/addresses", &login, artifact("net.ip", "x")).await.status, 200);
    assert_eq!(ask_with(&side, "POST /cts/other", &login, artifact("net.ip", "x")).await.status, 404);
    // Where no password is set, one that is sent does no harm.
    let open = self::side("");
    assert_eq!(ask_with(&open, "POST /cts/addresses", &login, artifact("net.ip", "x")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn without_room_the_answer_is_503_and_when_to_try_again() {
    let side = side("cache_size=1\nlater_retry_secs=30");
    assert_eq!(ask(&side, "POST /cts/addresses", artifact("net.ip", "slow")).await.status, 303);
    let full = ask(&side, "POST /cts/addresses", artifact("net.ip", "x")).await;
    assert_eq!((full.status, full.header(RETRY_AFTER)), (503, "30"));
}
