//! Starting and stopping: loopback only, ports, certificates, the app.config, external brokers.

use crate::support::{Rest, Stomp, soon};
use circuits_sandbox::{Rule, Sandbox, ServerCertificate, Status};
use serde_json::json;

#[tokio::test]
async fn anything_but_loopback_is_refused_with_the_cure() {
    for host in ["0.0.0.0", "::", "192.0.2.7", "example.com", ""] {
        let error = Sandbox::builder().host(host).start().await.expect_err(host);
        assert!(error.is_not_loopback(), "{host}: {error}");
        assert!(error.to_string().contains("use 127.0.0.1, ::1 or localhost"), "{error}");
    }
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2"] {
        assert!(Sandbox::builder().host(host).start().await.is_ok(), "{host}");
    }
}

#[tokio::test]
async fn ipv6_loopback_shows_in_url_and_config() {
    let Ok(sandbox) = Sandbox::builder().host("::1").start().await else {
        println!("skipped: this host has no IPv6 loopback");
        return;
    };
    assert!(sandbox.url().starts_with("https://[::1]:"));
    assert!(sandbox.app_config().contains("host=::1\n"));
    Rest::new(&sandbox).get("").await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = Sandbox::builder().start().await.unwrap();
    let error = Sandbox::builder().stomp_port(first.stomp_port()).start().await.unwrap_err();
    assert!(error.is_listen());
    assert!(error.to_string().contains(&first.stomp_port().to_string()), "{error}");
}

#[tokio::test]
async fn the_app_config_is_complete_and_its_ca_file_exists() {
    let sandbox = Sandbox::builder().api_key("key", "secret").start().await.unwrap();
    let expected = format!(
        "[resilient]\nhost=localhost\nport={}\nstomp_port={}\napi_key_id=key\napi_key_secret=secret\norg=Sandbox\ncafile={}\n",
        sandbox.rest_port(),
        sandbox.stomp_port(),
        sandbox.ca_file().display()
    );
    assert_eq!(sandbox.app_config(), expected);
    assert_eq!(std::fs::read_to_string(sandbox.ca_file()).unwrap(), sandbox.ca_pem());
    let file = sandbox.ca_file().to_owned();
    drop(sandbox);
    assert!(!file.exists());
    assert!(!format!("{:?}", Sandbox::builder().start().await.unwrap().credentials()).contains("secret"));
}

#[tokio::test]
async fn wrong_and_expired_certificates_are_refused_by_a_checking_client() {
    for (kind, text) in [
        (ServerCertificate::WrongHost, "hostname mismatch"),
        (ServerCertificate::Expired, "certificate has expired"),
    ] {
        let sandbox = Sandbox::builder().certificate(kind).start().await.unwrap();
        let error = Stomp::open(&sandbox).await.err().expect("refused");
        assert!(error.to_string().contains(text), "{error}");
    }
    let (one, two) = (Sandbox::builder().start().await.unwrap(), Sandbox::builder().start().await.unwrap());
    let mut foreign = Rest::new(&one);
    foreign.base = format!("{}/rest", two.url());
    assert!(
        foreign.request("GET", "").send().await.unwrap_err().is_connect(),
        "the CA of one sandbox does not sign for another"
    );
}

#[tokio::test]
async fn shutdown_ends_every_task_and_frees_the_ports() {
    let sandbox = Sandbox::builder().destination("work").start().await.unwrap();
    let (rest, stomp_port) = (sandbox.rest_port(), sandbox.stomp_port());
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.subscribe("actions.201.work", "").await;
    Rest::new(&sandbox).get("").await;
    soon("shutdown", sandbox.shutdown()).await;
    assert_eq!(stomp.closed().await, []);
    Sandbox::builder().rest_port(rest).stomp_port(stomp_port).start().await.unwrap();
}

#[tokio::test]
async fn with_an_external_broker_the_caller_carries_the_messages() {
    let rules = [Rule::menu_item("Look").to("look"), Rule::automatic("Seen").when_created().to("look")];
    let [look, seen] = rules;
    let sandbox = Sandbox::builder()
        .rule(look)
        .rule(seen)
        .external_broker(61614, "/tmp/broker-ca.pem")
        .start()
        .await
        .unwrap();
    let config = sandbox.app_config();
    assert!(
        config.contains("stomp_port=61614\n") && config.contains("stomp_cafile=/tmp/broker-ca.pem\n"),
        "{config}"
    );

    let message = sandbox.compose("Look", 2095, json!({"a": 1})).unwrap();
    assert_eq!(message.destination, "/queue/actions.201.look");
    let header = |name: &str| message.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    assert_eq!(header("correlation-id"), Some(message.invocation.correlation_id()));
    assert_eq!(header("reply-to").as_deref(), Some("/queue/acks.201.look"));
    assert_eq!(header("persistent").as_deref(), Some("true"));
    let data: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(data["properties"], json!({"a": 1}));
    assert_eq!(sandbox.invocation(message.invocation).unwrap().status, Status::Pending);
    let correlation = ("correlation-id".to_owned(), message.invocation.correlation_id());
    sandbox.reply(vec![correlation], r#"{"message_type":1,"message":"no","complete":true}"#);
    assert_eq!(soon("settled", sandbox.settled(message.invocation)).await.status, Status::Error);

    let incident = sandbox.create_incident(json!({"name": "new", "discovered_date": 0})).unwrap();
    let fired = soon("the automatic rule", sandbox.next_message()).await;
    assert_eq!(sandbox.invocation(fired.invocation).unwrap().incident, incident);
    assert!(sandbox.restart_broker().await.unwrap_err().is_refused());
}
