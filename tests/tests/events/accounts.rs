//! Who may use the HTTP side, once there are accounts: what OpenTAXII's users expect, and what attackers try.

use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use circuits::account::{Accounts, Rights};
use circuits_journal::SqliteStore;
use circuits_sandbox::Status;
use circuits_tests::command::{Place, Said, said};
use circuits_tests::eventful::Eventful;
use circuits_tests::receiver::Receiver;
use circuits_tests::suite::Process;
use serde_json::{Value, json};

use circuits_accounts as _;
use circuits_events as _;
use circuits_http as _;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");
const ON: &str = "subscriptions=true";
const PASSWORD: &str = "correct horse";

/// The accounts, as a command beside the runner sees them.
fn accounts(it: &Eventful) -> Accounts {
    Accounts::new(std::sync::Arc::new(SqliteStore::open(&it.store()).unwrap()))
}

async fn add(it: &Eventful, name: &str, rights: &[&str]) {
    let rights = Rights::parse(rights).unwrap();
    circuits_accounts::add(&accounts(it), name, rights, Some(PASSWORD)).await.unwrap();
}

/// Logs in; returns status and body.
async fn log_in(it: &Eventful, body: &str) -> (u16, String) {
    it.http("POST", "/management/auth", "", body.as_bytes()).await
}

async fn token(it: &Eventful, name: &str) -> String {
    let (status, body) = log_in(it, &json!({"username": name, "password": PASSWORD}).to_string()).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["token"].as_str().unwrap().to_owned()
}

/// The status of a request with this header.
async fn with(it: &Eventful, header: (&str, &str)) -> u16 {
    it.http_with("GET", "/eventmatch", &[header], b"").await.0
}

async fn with_token(it: &Eventful, token: &str) -> u16 {
    with(it, ("Authorization", &format!("Bearer {token}"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_8_a_name_and_a_password_give_a_token_and_nothing_else_does() {
    let it = Eventful::start("ot 8").await;
    let runner = it.run(ON).await;
    add(&it, "bob", &["read"]).await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let (status, body) =
        it.http_with("POST", "/management/auth", &form, b"username=bob&password=correct+horse").await;
    assert_eq!(status, 200, "{body}");
    let of_form = serde_json::from_str::<Value>(&body).unwrap()["token"].as_str().unwrap().to_owned();
    let of_json = token(&it, "bob").await;
    assert_ne!(of_form, of_json);
    assert_eq!((with_token(&it, &of_form).await, with_token(&it, &of_json).await), (200, 200));
    let wrong = log_in(&it, r#"{"username":"bob","password":"wrong"}"#).await;
    let unknown = log_in(&it, r#"{"username":"eve","password":"wrong"}"#).await;
    assert_eq!((wrong.0, &wrong), (401, &unknown));
    for body in ["", "{}", r#"{"username":"bob"}"#, r#"{"username":"bob","password":7}"#, "not json", "[]"] {
        let (status, answer) = log_in(&it, body).await;
        assert!(status == 400 && answer.contains("both username and password"), "{body}: {status} {answer}");
    }
    assert_eq!(it.http("GET", "/management/auth", "", b"").await.0, 405);
    assert_eq!(it.http("POST", "/management/auth/x", "", b"").await.0, 404);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_9_a_token_is_good_for_as_long_as_it_says_and_on_no_other_runner() {
    let (it, other) = (Eventful::start("ot 9").await, Eventful::start("ot 9 other").await);
    let (runner, second) = (it.run("subscriptions=true\nhttp_token_ttl=2").await, other.run(ON).await);
    for it in [&it, &other] {
        add(it, "bob", &["read"]).await;
    }
    let (_, body) = log_in(&it, &json!({"username": "bob", "password": PASSWORD}).to_string()).await;
    let issued: Value = serde_json::from_str(&body).unwrap();
    let expires: jiff::Timestamp = issued["expires"].as_str().unwrap().parse().unwrap();
    let left = expires.duration_since(jiff::Timestamp::now()).as_secs_f64();
    assert!((1.0..=2.0).contains(&left), "{left}");
    let token = issued["token"].as_str().unwrap();
    assert_eq!((with_token(&it, token).await, with_token(&other, token).await), (200, 401));
    // Its time is over.
    let store = rusqlite::Connection::open(it.store()).unwrap();
    let ended = "UPDATE record SET rank = unixepoch() * 1000 WHERE tbl = 'account.token'";
    assert_eq!(store.execute(ended, []).unwrap(), 1);
    assert_eq!(with_token(&it, token).await, 401);
    runner.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_10_whoever_does_not_say_who_they_are_is_refused_and_told_how() {
    let it = Eventful::start("ot 10").await;
    let runner = it.run(ON).await;
    assert_eq!(with(&it, ("Http-Remote-User", "alice")).await, 200, "no account yet");
    add(&it, "bob", &["read"]).await;
    let token = token(&it, "bob").await;
    let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
    assert_eq!(with(&it, ("Authorization", &basic("bob:correct horse"))).await, 200);
    assert_eq!(with(&it, ("Authorization", &format!("bEARER  {token} "))).await, 200);
    for value in [
        "",
        "Basic",
        "Basic !!!",
        &basic("bob"),
        &basic("bob:"),
        &basic("bob:correct horse "),
        &basic("eve:correct horse"),
        "Digest a",
        "Bearer",
        "Bearer junk",
        &format!("Bearer {token}x"),
        &format!("Bearer{token}"),
        &token,
    ] {
        let head = format!(
            "GET /eventmatch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nHttp-Remote-User: bob\r\n{}\r\n",
            if value.is_empty() { String::new() } else { format!("Authorization: {value}\r\n") }
        );
        let answer = it.raw(head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{value}: {answer}");
        for challenge in ["www-authenticate: Basic realm", "www-authenticate: Bearer realm"] {
            assert!(answer.contains(challenge), "{value}: {answer}");
        }
    }
    let two = format!(
        "GET /eventmatch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Authorization: Basic x\r\n\r\n"
    );
    assert!(it.raw(two.as_bytes()).await.starts_with("HTTP/1.1 401 "));
    assert_eq!(it.http("POST", "/receive", "", b"{}").await.0, 401);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_11_an_account_hears_of_the_destinations_that_it_may_see_and_of_no_others() {
    let (it, receiver) = (Eventful::start("ot 11").await, Receiver::start().await);
    let runner = it.run(ON).await;
    add(&it, "ann", &["read:destination/probe"]).await;
    add(&it, "hal", &["read:destination/hr"]).await;
    add(&it, "max", &["manage"]).await;
    let none = Rights::default();
    circuits_accounts::add(&accounts(&it), "nil", none, Some(PASSWORD)).await.unwrap();
    let subscribe = async |name: &str| {
        let bearer = format!("Bearer {}", token(&it, name).await);
        let body = json!({"name": name, "jsonpath": "$[?@.result]", "target_url": receiver.url(&format!("/{name}"))});
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        it.http_with("POST", "/eventmatch", &headers, body.to_string().as_bytes()).await
    };
    for name in ["ann", "hal", "max"] {
        let (status, body) = subscribe(name).await;
        assert_eq!((status, body.contains(&format!("\"user\":\"{name}\""))), (200, true), "{body}");
    }
    let (status, body) = subscribe("nil").await;
    assert!(status == 403 && body.contains("may see no events"), "{status} {body}");
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    receiver.wait("/ann", 2).await;
    receiver.wait("/max", 2).await;
    // An account that is gone hears of nothing more.
    assert!(accounts(&it).remove("ann").await.unwrap());
    // A change of a subscription has the runner look at once.
    assert_eq!(subscribe("max").await.0, 200);
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    receiver.wait("/max", 6).await;
    runner.stop().await;
    let got = receiver.got();
    let count = |path: &str| got.iter().filter(|got| got.path == path).count();
    assert_eq!((count("/ann"), count("/hal"), count("/max")), (2, 0, 6));
}

/// `circuits` beside the runner, with this on its standard input.
fn circuits(place: &Place, arguments: &[&str], input: &str) -> Said {
    let mut child = place
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    said(&child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_12_accounts_are_made_shown_changed_and_deleted_in_the_shell() {
    let it = Eventful::start("ot 12").await;
    let runner = it.run(ON).await;
    let place = Place::new(BINARY);
    place.write("app.config", &format!("{}[probe]\n", it.world.app_config(&it.settings(ON))));
    let run = |arguments: &[&str], input: &str| circuits(&place, &[&["account"], arguments].concat(), input);
    run(&["list"], "").is(0, &["There is no account, so nobody needs to log in."]);
    let add = ["add", "bob", "--can", "read", "--can", "manage:destination/probe"];
    run(&add, "correct horse\n")
        .is(0, &["The account bob is made.", "the first one", "must say who they are"]);
    run(&add, "correct horse\n").is(1, &["the account bob exists", "circuits account passwd bob"]);
    run(&["add", "eve", "--can", "write"], "correct horse\n")
        .is(1, &["unknown right `write`", "read or manage"]);
    run(&["add", "eve", "--can", "read:queue/x"], "correct horse\n")
        .is(1, &["`read:queue/x`", "destination"]);
    run(&["add", "eve", "--can", "read"], "short\n").is(1, &["at least 8 characters"]);
    run(&["add", "e v", "--can", "read"], "correct horse\n").is(1, &["none of them a blank"]);
    run(&["add", "operator", "--can", "read"], "correct horse\n").is(1, &["take another name"]);
    run(&["add", "bot", "--can", "read", "--no-password"], "").is(0, &["The account bot is made."]);
    let list = run(&["list"], "");
    list.is(0, &["bob  read, manage:destination/probe  made ", "bot  read  made ", ", without a password"]);
    let json = run(&["list", "--json"], "");
    assert!(!format!("{}{}", list.out, json.out).contains("argon2"));
    let all: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&all[0]["name"], &all[1]["has_password"]), (&json!("bob"), &json!(false)));

    // The runner that is up knows of each change.
    let made = run(&["token", "bot", "--ttl", "12h"], "");
    made.is(0, &["A token for bot, good until"]);
    let bot = made.out.trim().to_owned();
    let bob = token(&it, "bob").await;
    assert_eq!((with_token(&it, &bot).await, with_token(&it, &bob).await), (200, 200));
    run(&["passwd", "bob"], "battery staple\n").is(0, &["its tokens have ended"]);
    assert_eq!((with_token(&it, &bot).await, with_token(&it, &bob).await), (200, 401));
    let log_in = json!({"username": "bob", "password": "battery staple"}).to_string();
    assert_eq!(self::log_in(&it, &log_in).await.0, 200);
    run(&["token", "bot", "--ttl", "400d"], "").is(1, &["at most 366d"]);
    run(&["rm", "bot"], "").is(1, &["say yes with -y"]);
    run(&["rm", "bot", "-y"], "").is(0, &["The account bot is deleted."]);
    assert_eq!(with_token(&it, &bot).await, 401);
    for arguments in [&["rm", "bot", "-y"][..], &["passwd", "bot"], &["token", "bot"]] {
        run(arguments, "battery staple\n").is(1, &["there is no account bot", "circuits account list"]);
    }
    run(&["rm", "bob", "-y"], "").is(0, &["It is the last one"]);
    assert_eq!(with(&it, ("Http-Remote-User", "alice")).await, 200);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_not_guessed_for_long_and_nobody_is_kept_out_by_guesses_of_others() {
    let it = Eventful::start("guesses").await;
    let runner = it.run(ON).await;
    add(&it, "bob", &["read"]).await;
    let bob = token(&it, "bob").await;
    let wrong = r#"{"username":"bob","password":"guess"}"#;
    let mut looked_at = 0;
    for _ in 0..200 {
        let (status, body) = log_in(&it, wrong).await;
        assert_eq!(status, 401, "{body}");
        looked_at += u32::from(body.contains("name or password is wrong"));
    }
    assert_eq!(looked_at, 10);
    let right = json!({"username": "bob", "password": PASSWORD}).to_string();
    let (status, body) = log_in(&it, &right).await;
    assert!(status == 401 && body.contains("too many wrong attempts"), "not even the right one: {body}");
    assert_eq!(with_token(&it, &bob).await, 200);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_header_is_believed_only_where_the_settings_say_so() {
    for (more, user, status) in [
        ("", "bob", 401),
        ("http_auth=trusted_header", "bob", 200),
        ("http_auth=trusted_header", "eve", 401),
        ("http_auth=trusted_header, token\nhttp_trusted_proxies=192.0.2.1", "bob", 401),
    ] {
        let it = Eventful::start(&format!("proxy {} {user}", more.replace('\n', " "))).await;
        let runner = it.run(&format!("{ON}\n{more}")).await;
        add(&it, "bob", &["read"]).await;
        assert_eq!(with(&it, ("Http-Remote-User", user)).await, status, "{more} {user}");
        // The client's own header, beside the proxy's.
        let twice = [("Http-Remote-User", "bob"), ("Http-Remote-User", user)];
        assert_eq!(it.http_with("GET", "/eventmatch", &twice, b"").await.0, 401, "{more}");
        runner.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_10_neither_password_nor_token_is_in_the_log() {
    let it = Eventful::start("ot 10 log").await;
    let config = it.world.app_config(&it.settings(&format!("{ON}\nloglevel=DEBUG")));
    let place = Place::new(BINARY);
    let runner = Process::start(Path::new(BINARY), &place.path(""), &format!("{config}[probe]\n"));
    runner.logs("started successfully").await;
    add(&it, "bob", &["read"]).await;
    let token = token(&it, "bob").await;
    assert_eq!(with_token(&it, &token).await, 200);
    assert_eq!(with_token(&it, &format!("{token}x")).await, 401);
    assert_eq!(log_in(&it, r#"{"username":"s3cret-as-name","password":"pa55word"}"#).await.0, 401);
    assert_eq!(runner.terminate().await, Some(0));
    let log = place.read("logs/app.log");
    assert!(log.contains("Logged in") && log.contains("A login was refused"), "{log}");
    for secret in [&token[..20], PASSWORD, "pa55word", "s3cret-as-name"] {
        assert!(!log.contains(secret), "{secret} is in:\n{log}");
    }
}

#[test]
fn an_unknown_kind_of_authentication_ends_the_start_with_the_kinds_that_there_are() {
    let place = Place::new(BINARY);
    place.write(
        "app.config",
        "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\nhttp_port=12345\nhttp_auth=basik\n[probe]\n",
    );
    for arguments in [&["run"][..], &["config", "check"]] {
        place
            .run(arguments)
            .is(1, &["http_auth names `basik`", "did you mean `basic`?", "token, trusted_header"]);
    }
    place.write(
        "app.config",
        "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\nhttp_trusted_proxies=proxy.example\n[probe]\n",
    );
    place.run(&["config", "check"]).is(1, &["http_trusted_proxies", "must be IP addresses"]);
}
