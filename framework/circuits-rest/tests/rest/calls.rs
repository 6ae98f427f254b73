//! Calls over real HTTPS: the context token, sessions that end, what is repeated and what never is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use crate::support::{Answer, Peer, login, reply, reply_with};
use circuits_rest::{Client, HandleFormat, Method, RetryPolicy, TextFormat, segment};
use serde_json::{Value, json};

#[tokio::test]
async fn the_token_goes_out_with_every_method_and_cannot_be_replaced() {
    let peer = Peer::platform(|_| reply(200, json!({}))).await;
    let client = peer.connect().await;
    let rest = client.with_token(Some("t0ken"));
    rest.get::<Value>("/a").await.unwrap();
    rest.post::<_, Value>("/a", &json!({})).await.unwrap();
    rest.put::<_, Value>("/a", &json!({})).await.unwrap();
    rest.patch::<_, Value>("/a", &json!({})).await.unwrap();
    rest.delete::<Value>("/a").await.unwrap();
    rest.absolute().get::<Value>("/const").await.unwrap();
    rest.update("/a", |object| object["x"] = 1.into()).await.unwrap();
    rest.request(Method::Get, "/a").header("x-co3contexttoken", "other").bytes().await.unwrap();
    let calls: Vec<_> = peer.seen().split_off(2);
    assert_eq!(calls.len(), 9);
    for call in calls {
        assert_eq!(call.header("x-co3contexttoken"), Some("t0ken"), "{call:?}");
    }
}

#[tokio::test]
async fn a_client_without_message_sends_no_token_and_a_bad_token_sends_nothing() {
    let peer = Peer::platform(|_| reply(200, json!({"entities": []}))).await;
    let client = peer.connect().await;
    client.with_token(None).get::<Value>("/a").await.unwrap();
    client.actions().await.unwrap();
    assert!(peer.seen().iter().all(|call| call.header("x-co3contexttoken").is_none()));
    let before = peer.seen().len();
    let error = client.with_token(Some("bad\ntoken")).get::<Value>("/a").await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("context token"), "{error}");
    assert_eq!(peer.seen().len(), before);
}

#[tokio::test]
async fn bodies_and_answers_of_all_kinds() {
    let peer = Peer::platform(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("DELETE", "/rest/orgs/201/gone") => reply(204, Value::Null),
        ("DELETE", _) => reply(200, json!({"success": true})),
        ("GET", "/rest/orgs/201/text") => {
            Answer::Reply { status: 200, headers: vec![], body: b"plain \xff bytes".to_vec() }
        }
        _ => reply(
            200,
            json!({"got": String::from_utf8_lossy(&seen.body), "type": seen.header("content-type")}),
        ),
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    assert_eq!(rest.delete::<Value>("/gone").await.unwrap(), Value::Null);
    rest.delete::<()>("/gone").await.unwrap();
    assert_eq!(rest.delete::<Value>("/there").await.unwrap(), json!({"success": true}));
    assert_eq!(rest.request(Method::Get, "/text").bytes().await.unwrap().as_ref(), b"plain \xff bytes");
    let raw = rest.request(Method::Post, "/x").header("content-type", "text/plain").raw("payload");
    assert_eq!(raw.send::<Value>().await.unwrap(), json!({"got": "payload", "type": "text/plain"}));
    let error = rest.get::<Vec<u64>>("/list").await.unwrap_err();
    assert!(error.is_body() && error.to_string().contains("GET /list: the answer is not a"), "{error}");
}

#[tokio::test]
async fn compressed_answers_are_asked_for_and_read() {
    let json = br#"{"zipped":true}"#;
    // A gzip member by hand: header, one stored block, CRC-32 and length (RFC 1951, 1952).
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 15, 0, !15, 0xff];
    body.extend(json);
    body.extend([0x84, 0x28, 0xbc, 0x08, 15, 0, 0, 0]);
    let peer = Peer::platform(move |_| Answer::Reply {
        status: 200,
        headers: vec![("Content-Encoding", "gzip".into())],
        body: body.clone(),
    })
    .await;
    assert_eq!(peer.connect().await.with_token(None).get::<Value>("/a").await.unwrap()["zipped"], true);
    assert!(peer.seen().pop().unwrap().header("accept-encoding").unwrap().contains("gzip"));
}

#[tokio::test]
async fn formats_and_queries_are_sent_as_asked() {
    let peer = Peer::platform(|_| reply(200, json!({}))).await;
    let rest = peer.connect().await.with_token(None);
    let rest = rest.with_handles(HandleFormat::Objects).with_text(TextFormat::ObjectsConvertHtml);
    rest.request(Method::Get, "/a?b=1").query("name", "x & ü").send::<Value>().await.unwrap();
    rest.get::<Value>(&format!("/functions/{}", segment("../a b"))).await.unwrap();
    let calls = peer.seen().split_off(2);
    assert_eq!(calls[0].path, "/rest/orgs/201/a?b=1&name=x%20%26%20%C3%BC");
    assert_eq!(calls[0].header("handle_format"), Some("objects"));
    assert_eq!(calls[0].header("text_content_output_format"), Some("objects_convert_html"));
    assert_eq!(calls[1].path, "/rest/orgs/201/functions/..%2Fa%20b");
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_refused() {
    let peer = Peer::platform(|_| reply(200, json!({}))).await;
    let rest = peer.connect().await.with_token(None);
    for path in ["incidents/1", "/incidents/../../../session", "/a/%2e%2E/b", "/a#b", "/a\\b", "/a\nb", ""] {
        let error = rest.get::<Value>(path).await.unwrap_err();
        assert!(error.is_invalid(), "{path}: {error}");
    }
    assert_eq!(peer.seen().len(), 2);
}

#[tokio::test]
async fn a_session_that_ended_is_renewed_once_for_everybody() {
    let generation = Arc::new(AtomicUsize::new(0));
    let current = generation.clone();
    let peer = Peer::start("localhost", false, move |seen| {
        if seen.path.starts_with("/rest/session") {
            let n = current.fetch_add(1, SeqCst) + 1;
            let cookie = format!("JSESSIONID=cookie-{n}");
            return reply_with(
                200,
                &[("Set-Cookie", &cookie)],
                json!({"orgs": crate::support::orgs(), "csrf_token": format!("csrf-{n}"), "user_id": 1}),
            );
        }
        if seen.header("x-sess-id") != Some(format!("csrf-{}", current.load(SeqCst)).as_str()) {
            return reply(401, json!({"message": "session expired"}));
        }
        login(seen).unwrap_or_else(|| reply(200, json!({"id": 1})))
    })
    .await;
    let client = peer.connect().await;
    // Somebody else's login ends ours.
    generation.fetch_add(1, SeqCst);
    let rest = client.with_token(Some("t"));
    let calls = (0..50).map(|_| {
        let rest = rest.clone();
        tokio::spawn(
            async move { rest.post::<_, Value>("/incidents/1/comments", &json!({"text": "x"})).await },
        )
    });
    for call in Vec::from_iter(calls) {
        assert_eq!(call.await.unwrap().unwrap()["id"], 1);
    }
    assert_eq!(peer.count("POST", "/rest/session"), 2);
    assert!(peer.seen().last().unwrap().header("cookie") == Some("JSESSIONID=cookie-3"));
    // It ends once more, much later or at once: the good session has earned another login.
    generation.fetch_add(1, SeqCst);
    rest.get::<Value>("/incidents/1").await.unwrap();
    assert_eq!(peer.count("POST", "/rest/session"), 3);
}

#[tokio::test]
async fn a_thousand_refused_requests_cause_one_login() {
    let peer = Peer::platform(|_| reply(401, json!({"message": "not you"}))).await;
    let client = peer.connect().await;
    let rest = client.with_token(None);
    let calls: Vec<_> = (0..1000)
        .map(|n| {
            let rest = rest.clone();
            tokio::spawn(async move { rest.get::<Value>(&format!("/incidents/{n}")).await.unwrap_err() })
        })
        .collect();
    for call in calls {
        let error = call.await.unwrap();
        assert!(error.is_session(), "{error}");
    }
    assert_eq!(peer.count("POST", "/rest/session"), 2, "the first login and one more");
    let error = rest.get::<Value>("/incidents/1").await.unwrap_err();
    assert!(error.to_string().contains("no new login is tried for"), "{error}");
    assert_eq!(peer.count("POST", "/rest/session"), 2);
    assert!(peer.count("GET", "/rest/orgs/201/incidents") <= 2001, "each request is sent twice at most");
}

#[tokio::test]
async fn a_login_refused_later_is_not_repeated_by_the_next_request() {
    let locked = Arc::new(AtomicBool::new(false));
    let state = locked.clone();
    let peer = Peer::start("localhost", false, move |seen| {
        if state.load(SeqCst) {
            return reply(401, json!({"message": "account locked"}));
        }
        login(seen).unwrap_or_else(|| reply(200, json!({})))
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    locked.store(true, SeqCst);
    for _ in 0..20 {
        let error = rest.get::<Value>("/a").await.unwrap_err();
        assert!(error.is_credentials() && error.to_string().contains("account locked"), "{error}");
        assert_eq!((error.method(), error.path(), error.status()), (Some("GET"), "/a", Some(401)));
    }
    assert_eq!(peer.count("POST", "/rest/session"), 2);
}

/// How often a request arrives when every answer is the same.
async fn arrivals(
    method: Method,
    answer: impl Fn() -> Answer + Send + 'static,
) -> (usize, circuits_rest::Error) {
    let peer = Peer::platform(move |_| answer()).await;
    let rest = peer.connect().await.with_token(None);
    let error = rest.request(method, "/x").json(&json!({})).send::<Value>().await.unwrap_err();
    (peer.seen().len() - 2, error)
}

#[tokio::test]
async fn reads_and_puts_are_repeated_where_that_is_harmless() {
    for method in [Method::Get, Method::Put, Method::Delete] {
        for status in [429, 502, 503, 504] {
            let (times, error) = arrivals(method, move || reply(status, json!({"message": "busy"}))).await;
            assert_eq!((times, error.status()), (5, Some(status)), "{method:?}");
            assert!(error.to_string().contains("busy (after 5 tries)"), "{error}");
        }
        let (times, error) = arrivals(method, || Answer::HangUp).await;
        assert!(times == 5 && error.is_connection(), "{method:?}: {times} {error}");
    }
}

#[tokio::test]
async fn permanent_statuses_end_a_call_at_once() {
    for status in [400, 403, 404, 405, 409, 422, 500, 302] {
        let (times, error) = arrivals(Method::Get, move || reply(status, json!({"message": "no"}))).await;
        assert_eq!((times, error.status()), (1, Some(status)), "{error}");
    }
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_never_sent_again() {
    for method in [Method::Post, Method::Patch] {
        for status in [429, 502, 503, 504] {
            let (times, _) = arrivals(method, move || reply(status, json!({}))).await;
            assert_eq!(times, 1, "{method:?} {status}");
        }
        let (times, error) = arrivals(method, || Answer::HangUp).await;
        assert!(times == 1 && error.is_connection(), "{method:?}: {times} {error}");
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\"".to_vec();
        let (times, error) = arrivals(method, move || Answer::Bytes(cut.clone())).await;
        assert!(times == 1 && error.is_connection(), "{method:?}: {times} {error}");
    }
}

#[tokio::test]
async fn a_post_that_cannot_have_arrived_is_sent_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = Peer::platform(|_| Answer::HangUp).await;
    let client = peer.connect().await;
    let rest = client.with_token(None);
    // The pooled connection dies with this call; after that the peer is gone, and nothing can arrive.
    rest.post::<_, Value>("/x", &json!({})).await.unwrap_err();
    drop((peer, listener, port));
    let error = rest.post::<_, Value>("/x", &json!({})).await.unwrap_err();
    assert!(error.is_connection() && error.to_string().contains("after 5 tries"), "{error}");
}

#[tokio::test]
async fn retry_after_beyond_the_ceiling_ends_the_call() {
    let (times, error) =
        arrivals(Method::Get, || reply_with(429, &[("Retry-After", "3600")], json!({}))).await;
    assert_eq!((times, error.status()), (1, Some(429)));
    let (times, _) = arrivals(Method::Get, || reply_with(429, &[("Retry-After", "0")], json!({}))).await;
    assert_eq!(times, 5);
}

#[tokio::test]
async fn a_platform_that_says_nothing_costs_the_timeout_and_no_more() {
    let peer = Peer::platform(|_| Answer::Silence).await;
    let client = Client::connect(peer.options().timeout(Duration::from_millis(200))).await.unwrap();
    let error = client.with_token(None).get::<Value>("/a").await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("no answer within 200ms"), "{error}");
    assert_eq!(peer.count("GET", "/rest/orgs/201/a"), 1);
    let rest = client.with_token(None).with_deadline(Duration::from_millis(50));
    let error = rest.get::<Value>("/a").await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let error = rest.get::<Value>("/a").await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("deadline"), "{error}");
    assert_eq!(peer.count("GET", "/rest/orgs/201/a"), 2, "past the deadline nothing is sent");
    for _ in 0..4 {
        let hurried = client.with_token(None).with_deadline(Duration::from_millis(10));
        assert!(hurried.get::<Value>("/a").await.unwrap_err().is_timeout());
    }
    assert!(!client.is_down(), "hurried callers prove no outage");
}

#[tokio::test]
async fn a_deadline_ends_the_tries_instead_of_waiting_in_vain() {
    let peer = Peer::platform(|_| reply(503, json!({}))).await;
    let slow = RetryPolicy { delay: Duration::from_secs(30), ..RetryPolicy::default() };
    let client = Client::connect(peer.options().retry(slow)).await.unwrap();
    let rest = client.with_token(None).with_deadline(Duration::from_secs(5));
    let error = rest.get::<Value>("/a").await.unwrap_err();
    assert!(error.status() == Some(503) && error.to_string().contains("deadline"), "{error}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Peer::platform(|_| reply(200, json!({}))).await;
    let target = format!("https://localhost:{}/rest/x", elsewhere.port);
    let peer = Peer::platform(move |_| reply_with(302, &[("Location", &target)], json!({}))).await;
    let error = peer.connect().await.with_token(Some("t")).get::<Value>("/a").await.unwrap_err();
    assert!(
        error.status() == Some(302) && error.to_string().contains("redirects are not followed"),
        "{error}"
    );
    assert_eq!(elsewhere.seen().len(), 0);
}

#[tokio::test]
async fn rotated_cookies_are_followed() {
    let peer =
        Peer::platform(|_| reply_with(200, &[("Set-Cookie", "JSESSIONID=rotated-1; Path=/")], json!({})))
            .await;
    let rest = peer.connect().await.with_token(None);
    rest.get::<Value>("/a").await.unwrap();
    rest.get::<Value>("/a").await.unwrap();
    assert_eq!(peer.seen().last().unwrap().header("cookie"), Some("JSESSIONID=rotated-1"));
}

#[tokio::test]
async fn the_platforms_words_come_back_without_secrets_or_the_query() {
    let peer = Peer::platform(|seen| {
        let csrf = seen.header("x-sess-id").unwrap_or_default();
        reply(403, json!({"message": format!("token {csrf} may not"), "hints": ["Ask an administrator"]}))
    })
    .await;
    let error = peer.connect().await.with_token(None).get::<Value>("/a?q=personal").await.unwrap_err();
    assert_eq!(error.to_string(), "GET /a: 403 Forbidden: token *** may not\n  hint: Ask an administrator");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        assert!(!error.to_string().contains("personal"));
        cause = error.source();
    }
}

#[tokio::test]
async fn the_version_is_known_or_not_and_nothing_depends_on_it() {
    let peer = Peer::platform(|seen| {
        assert_eq!(seen.path, "/rest/const");
        reply(200, json!({"server_version": {"version": "51.2.3.4.5678"}}))
    })
    .await;
    assert_eq!(peer.connect().await.server_version().await.as_deref(), Some("51.2.3.4.5678"));
    let peer = Peer::platform(|_| reply(404, json!({}))).await;
    assert_eq!(peer.connect().await.server_version().await, None);
}

#[tokio::test]
async fn calls_wait_out_an_outage_instead_of_failing() {
    let down = Arc::new(AtomicBool::new(true));
    let state = down.clone();
    let peer =
        Peer::platform(move |_| if state.load(SeqCst) { Answer::HangUp } else { reply(200, json!({})) })
            .await;
    let slow = RetryPolicy { delay: Duration::from_millis(300), max_tries: 3, ..RetryPolicy::default() };
    let client = Client::connect(peer.options().retry(slow)).await.unwrap();
    let rest = client.with_token(None);
    for _ in 0..3 {
        rest.post::<_, Value>("/x", &json!({})).await.unwrap_err();
    }
    assert!(client.is_down());
    let arrived = peer.seen().len();
    let error = rest.with_deadline(Duration::from_millis(50)).get::<Value>("/a").await.unwrap_err();
    assert!(error.is_connection() && error.to_string().contains("nothing was sent"), "{error}");
    assert_eq!(peer.seen().len(), arrived);
    down.store(false, SeqCst);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let rest = rest.clone();
            tokio::spawn(async move { rest.post::<_, Value>("/x", &json!({})).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    client.ready().await;
    assert!(!client.is_down());
}

#[tokio::test]
async fn refusals_are_answers_and_hold_nobody_back() {
    let peer = Peer::platform(|_| reply(404, json!({}))).await;
    let client = peer.connect().await;
    for _ in 0..20 {
        client.with_token(None).get::<Value>("/a").await.unwrap_err();
    }
    assert!(!client.is_down());
}
