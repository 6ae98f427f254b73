//! Logging in over real HTTPS: both accounts, organisation choice, certificates, refusals, and nothing secret in errors.

use std::sync::{Arc, Mutex};

use crate::support::{Answer, COOKIE, CSRF, Peer, api_key, login, reply, reply_with};
use circuits_rest::{Account, Client, Credentials, Options, Verify};
use serde_json::{Value, json};

fn nothing(_: &crate::support::Seen) -> Answer {
    reply(404, json!({"message": "no such thing"}))
}

#[tokio::test]
async fn a_user_gets_a_session_with_csrf_token_and_cookie() {
    let peer = Peer::platform(|_| reply(200, json!({"id": 7}))).await;
    let client = peer.connect().await;
    assert_eq!(client.account(), Account::User { id: 115 });
    assert_eq!((client.org().id, client.org().name.as_str()), (201, "Test Organization"));
    assert!(client.org().actions_framework_enabled);
    client.with_token(None).get::<Value>("/incidents/7").await.unwrap();

    let seen = peer.seen();
    assert_eq!(seen[0].path, "/rest/session?include_permissions=false");
    assert_eq!(
        seen[0].json(),
        json!({"email": "integration@example.com", "password": crate::support::PASSWORD})
    );
    assert_eq!(seen[1].path, "/rest/orgs/201");
    let call = &seen[2];
    assert!(call.is("GET", "/rest/orgs/201/incidents/7"));
    assert_eq!(call.header("x-sess-id"), Some(CSRF));
    assert_eq!(call.header("cookie"), Some(format!("JSESSIONID={COOKIE}").as_str()));
    assert_eq!(call.header("authorization"), None);
}

#[tokio::test]
async fn an_api_key_sends_basic_each_time_and_keeps_no_cookie() {
    let peer = Peer::platform(|_| reply(200, json!({"id": 7}))).await;
    let client = Client::connect(peer.options().credentials(api_key())).await.unwrap();
    assert_eq!(client.account(), Account::ApiKey { handle: 4 });
    client.with_token(None).get::<Value>("/incidents/7").await.unwrap();
    let seen = peer.seen();
    assert!(seen[0].is("GET", "/rest/session?include_permissions=false"));
    for request in &seen {
        assert_eq!(
            request.header("authorization"),
            Some("Basic a2V5LWlkOmtleS1zZWNyZXQtNTU="),
            "{request:?}"
        );
        assert_eq!((request.header("cookie"), request.header("x-sess-id")), (None, None), "{request:?}");
    }
}

#[tokio::test]
async fn every_request_carries_the_documented_headers() {
    let peer = Peer::platform(|_| reply(200, json!({}))).await;
    let client = peer.connect().await;
    client.with_token(None).patch::<_, Value>("/incidents/7", &json!({})).await.unwrap();
    for request in peer.seen() {
        assert_eq!(request.header("content-type"), Some("application/json"), "{request:?}");
        assert_eq!(request.header("resilient-module-version"), Some("51.0.8.3"), "{request:?}");
        assert_eq!(
            request.header("resilient-circuits-version"),
            Some(env!("CARGO_PKG_VERSION")),
            "{request:?}"
        );
        let patch = request.method == "PATCH";
        assert_eq!(request.header("handle_format"), patch.then_some("names"), "{request:?}");
    }
}

#[tokio::test]
async fn the_org_is_chosen_by_name_uuid_and_cloud_account() {
    let peer = Peer::platform(|_| reply(200, json!({"actions_framework_enabled": false}))).await;
    for (wanted, id) in [("Test Organization", 201), ("73c78395", 201), ("61d7ae97", 202), ("Second", 202)] {
        let client = Client::connect(peer.options().org(Some(wanted.into()))).await.unwrap();
        assert_eq!(client.org().id, id);
        assert_eq!(client.org().actions_framework_enabled, id == 201);
    }
    for (wanted, text) in [
        (Some("Nowhere"), "The user is not a member of the specified organization 'Nowhere'."),
        (Some("Disabled Org"), "This organization is not accessible to you."),
        (None, "Please specify the organization name to which you want to connect."),
    ] {
        let error = Client::connect(peer.options().org(wanted.map(Into::into))).await.unwrap_err();
        assert!(error.is_org() && error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_resource_prefix_goes_before_every_path() {
    let peer = Peer::start("localhost", false, |seen| {
        let mut seen = seen.clone();
        seen.path = seen.path.strip_prefix("/api/respond").unwrap().to_owned();
        login(&seen).unwrap_or_else(|| reply(200, json!({"at": seen.path})))
    })
    .await;
    let options = peer.options().resource_prefix(Some("/api/respond".into()));
    let rest = Client::connect(options).await.unwrap().with_token(None);
    assert_eq!(rest.get::<Value>("/incidents/1").await.unwrap()["at"], "/rest/orgs/201/incidents/1");
    assert_eq!(rest.absolute().get::<Value>("/const").await.unwrap()["at"], "/rest/const");
}

#[tokio::test]
async fn a_wrong_password_is_refused_once_and_named_without_the_secret() {
    let peer = Peer::start("localhost", false, |seen| {
        let password = seen.json()["password"].as_str().unwrap_or_default().to_owned();
        let text = format!("Invalid user name or password {password}");
        reply(401, json!({"success": false, "message": text, "hints": ["Reset it"], "error_code": "generic"}))
    })
    .await;
    let error = Client::connect(peer.options().login_tries(None)).await.unwrap_err();
    assert!(error.is_credentials() && !error.is_connection());
    assert_eq!(error.status(), Some(401));
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("POST /rest/session") && text.contains("Invalid user name or password ***"),
        "{text}"
    );
    assert!(text.contains("Reset it") && !text.contains(crate::support::PASSWORD), "{text}");
    assert_eq!(peer.seen().len(), 1);
}

#[tokio::test]
async fn the_first_login_is_repeated_as_often_as_allowed() {
    let peer = Peer::start("localhost", false, |_| reply(300, json!({}))).await;
    let error = Client::connect(peer.options().login_tries(Some(3))).await.unwrap_err();
    assert_eq!((error.status(), peer.seen().len()), (Some(300), 3));

    let mut refusals = 2;
    let peer = Peer::platform(nothing).await;
    let late = Peer::start("localhost", false, move |seen| {
        if seen.method == "POST" && refusals > 0 {
            refusals -= 1;
            return reply_with(503, &[("Retry-After", "0")], json!({"message": "starting"}));
        }
        login(seen).unwrap()
    })
    .await;
    Client::connect(late.options().login_tries(None)).await.unwrap();
    assert_eq!(late.count("POST", "/rest/session"), 3);
    drop(peer);
}

#[tokio::test]
async fn certificates_are_verified_before_anything_is_sent() {
    let stranger = crate::support::Authority::new();
    let peer = Peer::platform(nothing).await;
    let wrong_ca = peer.write("other.pem", &stranger.pem);
    let error = Client::connect(peer.options().verify(Verify::CaFile(wrong_ca))).await.unwrap_err();
    assert!(error.is_certificate() && error.is_tls() && !error.is_connection(), "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with(
            "POST /rest/session: the certificate of the platform was not issued by the certificates in "
        ),
        "{text}"
    );
    assert!(
        text.contains("other.pem ('circuits test authority") && text.contains("(PEM) with `cafile`"),
        "{text}"
    );
    let error = Client::connect(peer.options().verify(Verify::System)).await.unwrap_err();
    assert!(error.is_certificate(), "{error:?}");
    assert_eq!(peer.seen().len(), 0);

    let elsewhere = Peer::start("soar.example.com", false, nothing).await;
    let error = Client::connect(elsewhere.options().login_tries(None)).await.unwrap_err();
    assert!(
        error.is_certificate() && error.to_string().contains("for another host name than localhost"),
        "{error}"
    );
    assert_eq!(elsewhere.seen().len(), 0);

    let expired = Peer::start("localhost", true, nothing).await;
    let error = Client::connect(expired.options()).await.unwrap_err();
    assert!(error.is_certificate() && error.to_string().contains("expired"), "{error}");
    assert_eq!(expired.seen().len(), 0);
}

#[tokio::test]
async fn a_ca_file_with_the_servers_own_certificate_says_whose_is_wanted() {
    let authority = crate::support::Authority::new();
    let (cert, key) = authority.issue("localhost", false);
    let own = cert.clone();
    let peer = Peer::with(cert, key, authority, nothing).await;
    let cafile = peer.write("own.pem", &own);
    let error = Client::connect(peer.options().verify(Verify::CaFile(cafile))).await.unwrap_err();
    let text = error.to_string();
    assert!(error.is_certificate() && !error.is_proxy(), "{error:?}");
    assert!(
        text.contains(
            "own.pem holds the certificate of 'circuits test peer', but not that of 'circuits test authority"
        ),
        "{text}"
    );
    assert!(error.hints()[0].starts_with("add the certificate of 'circuits test authority"), "{text}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_once_it_is_named() {
    let (cert, key) = crate::support::self_signed("localhost");
    let (own, odd) = (cert.clone(), crate::support::self_signed("soar.example.com"));
    let peer = Peer::with(cert, key, crate::support::Authority::new(), |seen| login(seen).unwrap()).await;
    // As `openssl s_client -showcerts` prints it.
    let saved = peer.write("saved.cer", &format!("depth=0 CN = localhost\r\n---\r\n{own}---\r\nDONE\r\n"));
    Client::connect(peer.options().verify(Verify::CaFile(saved))).await.unwrap();
    let odd = peer.write("odd.cer", &odd.0);
    let error = Client::connect(peer.options().verify(Verify::CaFile(odd))).await.unwrap_err();
    assert!(
        error.is_certificate() && error.message().contains("not issued by the certificates in"),
        "{error}"
    );
    let elsewhere = crate::support::self_signed("soar.example.com");
    let own = elsewhere.0.clone();
    let peer = Peer::with(elsewhere.0, elsewhere.1, crate::support::Authority::new(), nothing).await;
    let own = peer.write("own.cer", &own);
    let error = Client::connect(peer.options().verify(Verify::CaFile(own))).await.unwrap_err();
    assert!(
        error.message().contains("another host name than localhost"),
        "trust is not for every name: {error}"
    );
}

#[tokio::test]
async fn a_ca_file_may_hold_several_authorities() {
    let peer = Peer::platform(nothing).await;
    let both =
        peer.write("both.pem", &format!("{}{}", crate::support::Authority::new().pem, peer.authority.pem));
    Client::connect(peer.options().verify(Verify::CaFile(both))).await.unwrap();
}

#[tokio::test]
async fn verification_can_be_switched_off() {
    let peer = Peer::start("soar.example.com", true, |seen| login(seen).unwrap()).await;
    Client::connect(peer.options().verify(Verify::Off)).await.unwrap();
}

#[tokio::test]
async fn unusable_files_are_named() {
    let peer = Peer::platform(nothing).await;
    let missing = peer.folder.path().join("missing.pem");
    let error = Client::connect(peer.options().verify(Verify::CaFile(missing))).await.unwrap_err();
    assert!(error.is_cafile() && error.to_string().contains("missing.pem"), "{error}");
    for text in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let odd = peer.write("odd.pem", text);
        let error = Client::connect(peer.options().verify(Verify::CaFile(odd))).await.unwrap_err();
        assert!(error.is_cafile() && error.to_string().contains("odd.pem"), "{text}: {error:?}");
    }
    let (cert, _) = peer.authority.issue("client", false);
    let (cert, key) = (peer.write("client.pem", &cert), peer.write("client.key", "no key"));
    let error = Client::connect(peer.options().client_certificate(cert, key)).await.unwrap_err();
    assert!(error.is_cafile() && error.to_string().contains("client.key holds no private key"), "{error}");
    assert!(error.hints()[0].contains("`client_auth_key`"), "{error}");
}

#[tokio::test]
async fn a_port_that_does_not_answer_or_speaks_no_tls_is_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = |port| {
        Options::new("localhost", port)
            .credentials(api_key())
            .retry(crate::support::quick())
            .login_tries(Some(2))
    };
    let plain = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = Client::connect(options(port)).await.unwrap_err();
    assert!(error.is_tls() && !error.is_certificate(), "{error:?}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    plain.await.unwrap();
    let error = Client::connect(options(port)).await.unwrap_err();
    assert!(error.is_connection() && error.to_string().contains("after 2 tries"), "{error:?}");
}

#[tokio::test]
async fn secrets_are_told_to_the_hook_and_stay_out_of_debug() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let peer = Peer::platform(nothing).await;
    let options = peer.options().on_secret(move |secret| sink.lock().unwrap().push(secret.to_owned()));
    let client = Client::connect(options.clone()).await.unwrap();
    assert_eq!(*told.lock().unwrap(), [crate::support::PASSWORD, CSRF, COOKIE]);
    let shown = format!("{options:?} {client:?} {:?}", client.with_token(Some("t0ken-9")));
    for secret in [crate::support::PASSWORD, CSRF, COOKIE, "t0ken-9"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    told.lock().unwrap().clear();
    Client::connect(options.credentials(api_key())).await.unwrap();
    assert_eq!(*told.lock().unwrap(), ["key-secret-55", "a2V5LWlkOmtleS1zZWNyZXQtNTU="]);
}

#[tokio::test]
async fn an_answer_that_is_no_session_is_explained() {
    let peer = Peer::start("localhost", false, |_| Answer::Reply {
        status: 200,
        headers: vec![],
        body: b"<html>Welcome</html>".to_vec(),
    })
    .await;
    let error = Client::connect(peer.options()).await.unwrap_err();
    assert!(error.is_body() && error.to_string().contains("resource_prefix"), "{error}");
    let error = Client::connect(Options::new("localhost", peer.port)).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("api_key_id"), "{error}");
    let bad = Credentials::ApiKey { id: "a".into(), secret: "b".to_owned().into() };
    let error = Client::connect(Options::new("https://x", 443).credentials(bad)).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("without scheme"), "{error}");
}

#[tokio::test]
async fn a_recorded_session_is_understood() {
    let Some(session) =
        crate::support::recorded("rest/200_JSON_POST__rest_session__2017-03-07T15-06-32.499832.json")
    else {
        println!("skipped: no ../shared/data");
        return;
    };
    let org = crate::support::recorded("rest/200_JSON_GET__rest_orgs_211__2017-03-07T15-06-32.631724.json")
        .unwrap();
    let actions =
        crate::support::recorded("rest/200_JSON_GET__rest_orgs_211_actions__2017-03-07T15-06-33.143165.json")
            .unwrap();
    let peer = Peer::start("localhost", false, move |seen| match seen.path.as_str() {
        "/rest/orgs/211" => reply(200, org.clone()),
        "/rest/orgs/211/actions" => reply(200, actions.clone()),
        _ => reply(200, session.clone()),
    })
    .await;
    let client = Client::connect(peer.options().org(Some("Правда".into()))).await.unwrap();
    assert_eq!((client.org().id, client.account()), (211, Account::User { id: 115 }));
    assert!(client.org().actions_framework_enabled);
    let rules = client.actions().await.unwrap();
    assert!(rules.iter().any(|rule| rule.id == 909 && rule.name == "Add Task"));
}
