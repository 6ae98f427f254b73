//! The client against the embedded platform: both logins, sessions that end, conflicts with other writers, patches,
//! files, pages, and the platform's faults.

use std::time::Duration;

use circuits_rest::{
    Client, Credentials, Method, Options, Patch, RetryPolicy, Upload, Verify, give_up, overwrite,
};
use circuits_sandbox::{RestFault, Rule, Sandbox};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

const PATH: &str = "/incidents/2095";

fn options(sandbox: &Sandbox) -> Options {
    let accounts = sandbox.credentials();
    Options::new("localhost", sandbox.rest_port())
        .credentials(Credentials::User { email: accounts.email, password: accounts.password.into() })
        .verify(Verify::CaFile(sandbox.ca_file().into()))
        .org(Some(sandbox.org().1.to_owned()))
        .retry(RetryPolicy { delay: Duration::from_millis(1), ..RetryPolicy::default() })
        .login_tries(Some(1))
}

async fn start() -> (Sandbox, Client) {
    let sandbox = Sandbox::builder().rule(Rule::menu_item("Add Task").to("add_task")).start().await.unwrap();
    let client = Client::connect(options(&sandbox)).await.unwrap();
    (sandbox, client)
}

/// How many requests of `method` the platform saw whose path ends like this.
fn seen(sandbox: &Sandbox, method: &str, end: &str) -> usize {
    sandbox
        .requests()
        .iter()
        .filter(|request| request.method == method && request.path.ends_with(end))
        .count()
}

#[tokio::test]
async fn both_accounts_read_the_rules_and_the_version() {
    let (sandbox, user) = start().await;
    let accounts = sandbox.credentials();
    let key = Credentials::ApiKey { id: accounts.api_key_id, secret: accounts.api_key_secret.into() };
    let key = Client::connect(options(&sandbox).credentials(key)).await.unwrap();
    for client in [user, key] {
        assert_eq!((client.org().id, client.org().name.as_str()), sandbox.org());
        assert!(client.org().actions_framework_enabled);
        assert!(client.actions().await.unwrap().iter().any(|rule| rule.name == "Add Task"));
        assert!(client.server_version().await.is_some());
    }
}

#[tokio::test]
async fn refused_logins_say_what_was_wrong() {
    let (sandbox, _) = start().await;
    let wrong = Credentials::User {
        email: sandbox.credentials().email,
        password: "wrong-password".to_owned().into(),
    };
    let error = Client::connect(options(&sandbox).credentials(wrong).login_tries(None)).await.unwrap_err();
    assert!(error.is_credentials() && !error.to_string().contains("wrong-password"), "{error}");
    let error = Client::connect(options(&sandbox).org(Some("Nowhere".into()))).await.unwrap_err();
    assert!(error.is_org() && error.to_string().contains(sandbox.org().1), "{error}");
}

#[tokio::test]
async fn a_session_that_expired_is_renewed_without_notice() {
    let (sandbox, client) = start().await;
    sandbox.faults().expire_sessions();
    let rest = client.with_token(None);
    let calls = (0..20).map(|n| {
        let rest = rest.clone();
        tokio::spawn(async move {
            rest.post::<_, Value>(&format!("{PATH}/comments"), &json!({"text": format!("note {n}")})).await
        })
    });
    for call in Vec::from_iter(calls) {
        call.await.unwrap().unwrap();
    }
    assert_eq!(sandbox.notes(2095).len(), 20, "each once");
    assert_eq!(seen(&sandbox, "POST", "/rest/session"), 2);
}

#[tokio::test]
async fn objects_are_created_read_changed_and_deleted() {
    let (sandbox, client) = start().await;
    let rest = client.with_token(None);
    let task: Value = rest.post(&format!("{PATH}/tasks"), &json!({"name": "Look"})).await.unwrap();
    let task = format!("/tasks/{}", task["id"]);
    rest.update(&task, |task| task["name"] = "Look again".into()).await.unwrap();
    assert_eq!(rest.get::<Value>(&task).await.unwrap()["name"], "Look again");
    rest.delete::<Value>(&task).await.unwrap();
    let error = rest.get::<Value>(&task).await.unwrap_err();
    assert!(error.is_not_found() && !error.message().is_empty(), "{error}");
    assert_eq!(sandbox.tasks(2095).len(), 0);
}

#[tokio::test]
async fn handlers_and_outside_writers_all_get_their_changes_in() {
    let (sandbox, client) = start().await;
    let client = &client;
    let (each, writers) = (5, 6);
    let mut outside = Vec::new();
    for _ in 0..2 {
        // Sessions of their own: they do not queue up with the first client's updates.
        outside.push(Client::connect(options(&sandbox)).await.unwrap());
    }
    let add = |client: &Client, name: String| {
        let rest = client.with_token(None);
        tokio::spawn(async move {
            for n in 0..each {
                let line = format!("[{name}:{n}]");
                let apply = |incident: &mut Value| {
                    let text = incident["description"].as_str().unwrap_or_default();
                    incident["description"] = format!("{text}{line}").into();
                };
                rest.update(PATH, apply).await.unwrap();
            }
        })
    };
    let mut tasks: Vec<_> = (0..writers).map(|n| add(client, format!("in{n}"))).collect();
    tasks.extend(outside.iter().enumerate().map(|(n, client)| add(client, format!("out{n}"))));
    for task in tasks {
        task.await.unwrap();
    }
    let incident = sandbox.incident(2095);
    let text = incident["description"].as_str().unwrap();
    for name in (0..writers).map(|n| format!("in{n}")).chain((0..2).map(|n| format!("out{n}"))) {
        for n in 0..each {
            assert_eq!(text.matches(&format!("[{name}:{n}]")).count(), 1, "{name}:{n} once in {text}");
        }
    }
}

#[tokio::test]
async fn fields_of_all_kinds_are_written_and_read_as_people_say_them() {
    let (_sandbox, client) = start().await;
    let rest = client.with_token(None);
    let fields = rest.fields("incident").await.unwrap();
    let table = [
        ("severity_code", json!("High"), json!("High")),
        ("incident_type_ids", json!(["Malware", "Phishing"]), json!(["Malware", "Phishing"])),
        ("plan_status", json!("Closed"), json!("Closed")),
        ("owner_id", json!("alex@sandbox.example"), json!("Alex Analyst (alex@sandbox.example)")),
        (
            "members",
            json!(["Robin Responder", 2]),
            json!(["Robin Responder (robin@sandbox.example)", "Alex Analyst (alex@sandbox.example)"]),
        ),
        ("discovered_date", json!("2024-05-01T14:00:00+02:00"), json!(1_714_564_800_000_i64)),
        ("due_date", json!("2024-05-01"), json!(1_714_521_600_000_i64)),
        ("confirmed", json!(true), json!(true)),
        ("description", json!("<b>bold</b>"), json!("<b>bold</b>")),
        ("resolution_summary", json!({"format": "html", "content": "<i>x</i>"}), json!("<i>x</i>")),
        ("properties.custom1", json!("ours"), json!("ours")),
        ("city", Value::Null, Value::Null),
    ];
    rest.update(PATH, |incident| {
        for (name, value, _) in &table {
            fields.write(incident, name, value.clone()).unwrap();
        }
    })
    .await
    .unwrap();
    let incident = rest.get::<Value>(PATH).await.unwrap();
    for (name, _, expected) in table {
        assert_eq!(fields.read(&incident, name).unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn conflicts_are_resolved_by_patch_as_well() {
    let (sandbox, client) = start().await;
    let rest = client.with_token(None);
    let mut patch = Patch::new(&rest.get::<Value>(PATH).await.unwrap());
    patch.set("name", "ours").unwrap();
    sandbox.edit_incident(2095, json!({"name": "theirs"})).unwrap();
    let error = rest.patch_with(PATH, patch.clone(), give_up).await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("theirs"), "{error}");
    assert_eq!(error.conflicts()[0].field, "name");
    assert!(rest.patch_with(PATH, patch, overwrite).await.unwrap().success);
    assert_eq!(sandbox.incident(2095)["name"], "ours");
}

#[tokio::test]
async fn attachments_go_up_and_come_down() {
    let (_sandbox, client) = start().await;
    let rest = client.with_token(None);
    let content: Vec<u8> = (0..500_000_u32).map(|n| (n % 253) as u8).collect();
    let file = Upload::bytes(content.clone()).name("dump.bin");
    let attachment: Value = rest.upload(&format!("{PATH}/attachments"), &file).await.unwrap();
    let path = format!("{PATH}/attachments/{}/contents", attachment["id"]);
    let mut back = Vec::new();
    rest.download(&path).await.unwrap().copy_to(&mut back).await.unwrap();
    assert_eq!(back, content);
}

#[tokio::test]
async fn incidents_come_page_by_page() {
    let (sandbox, client) = start().await;
    for n in 0..24 {
        sandbox.create_incident(json!({"name": format!("Incident {n}"), "discovered_date": 0})).unwrap();
    }
    let pages = client.with_token(None).pages::<Value>("/incidents/query_paged", json!({"filters": []}), 10);
    let found: Vec<Value> = pages.try_collect().await.unwrap();
    let mut ids: Vec<_> = found.iter().map(|incident| incident["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 25);
    assert_eq!(seen(&sandbox, "POST", "/query_paged"), 3);
}

#[tokio::test]
async fn faults_of_the_platform_are_ridden_out_where_that_is_safe() {
    let (sandbox, client) = start().await;
    let rest = client.with_token(None);
    sandbox.faults().rest(RestFault::status("GET", PATH, 429).times(2).retry_after(0));
    sandbox.faults().rest(RestFault::status("GET", PATH, 503).times(1));
    rest.get::<Value>(PATH).await.unwrap();
    assert_eq!(seen(&sandbox, "GET", PATH), 4);
    sandbox.faults().rest(RestFault::status("POST", "/comments", 503));
    let note = json!({"text": "once"});
    let error = rest.post::<_, Value>(&format!("{PATH}/comments"), &note).await.unwrap_err();
    assert_eq!((error.status(), seen(&sandbox, "POST", "/comments")), (Some(503), 1));
    sandbox.faults().rest(RestFault::status("PUT", PATH, 409).times(3));
    rest.update(PATH, |incident| incident["name"] = "new".into()).await.unwrap();
    assert_eq!((&sandbox.incident(2095)["name"], seen(&sandbox, "PUT", PATH)), (&json!("new"), 4));
    sandbox.faults().rest(RestFault::hang("GET", PATH));
    let error = rest.with_timeout(Duration::from_millis(100)).get::<Value>(PATH).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[tokio::test]
async fn the_token_of_a_message_arrives_with_each_call() {
    let (sandbox, client) = start().await;
    let rest = client.with_token(Some("a-token"));
    rest.get::<Value>(PATH).await.unwrap();
    rest.request(Method::Post, &format!("{PATH}/comments"))
        .json(&json!({"text": "x"}))
        .send::<Value>()
        .await
        .unwrap();
    let calls = sandbox.requests();
    let with: Vec<_> =
        calls.iter().filter(|call| call.header("x-co3contexttoken") == Some("a-token")).collect();
    assert_eq!(with.len(), 2);
}
