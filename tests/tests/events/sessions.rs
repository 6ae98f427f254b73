//! Browsers that log in and out: what their cookie is good for, and what it is not.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use circuits::account::{Accounts, Rights};
use circuits_journal::SqliteStore;
use circuits_tests::certs::{Authority, Flaw};
use circuits_tests::command::Place;
use circuits_tests::eventful::Eventful;
use circuits_tests::suite::Process;

use circuits_accounts as _;
use circuits_events as _;
use circuits_http as _;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");
const ON: &str = "subscriptions=true";
const PASSWORD: &str = "correct horse";
const PAGE: &str = "X-Circuits: 1";
const CLEARED: &str = "circuits_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";

async fn add(it: &Eventful, name: &str) {
    let accounts = Accounts::new(Arc::new(SqliteStore::open(&it.store()).unwrap()));
    let rights = Rights::parse(&["manage"]).unwrap();
    circuits_accounts::add(&accounts, name, rights, Some(PASSWORD)).await.unwrap();
}

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The values of a header.
    fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The only cookie that it sets.
    fn cookie(&self) -> &str {
        let cookies = self.all("Set-Cookie");
        assert_eq!(cookies.len(), 1, "{}", self.head);
        cookies[0]
    }

    /// Checks that it refuses a cookie, and takes it back without letting the browser ask for a password.
    fn takes_the_cookie_back(&self) {
        assert_eq!((self.status, self.cookie()), (401, CLEARED), "{} {}", self.head, self.body);
        assert_eq!(self.all("WWW-Authenticate"), ["Bearer realm=\"circuits\""]);
    }
}

fn request(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

async fn ask(it: &Eventful, method: &str, path: &str, headers: &[&str]) -> Answer {
    Answer::of(&it.raw(request(method, path, headers, "").as_bytes()).await)
}

fn login(password: &str) -> String {
    let body = format!("username=bob&password={}", password.replace(' ', "+"));
    request("POST", "/management/session", &["Content-Type: application/x-www-form-urlencoded"], &body)
}

/// Logs in; returns the header that a browser then sends.
async fn log_in(it: &Eventful) -> String {
    let answer = Answer::of(&it.raw(login(PASSWORD).as_bytes()).await);
    assert_eq!((answer.status, &*answer.body), (204, ""));
    let (cookie, rest) = answer.cookie().split_once("; ").unwrap();
    assert_eq!(rest, "HttpOnly; SameSite=Strict; Path=/");
    format!("Cookie: theme=dark; {cookie}; x=y")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_logs_in_works_and_logs_out_and_its_old_cookie_is_worth_nothing() {
    let it = Eventful::start("session").await;
    let runner = it.run(ON).await;
    add(&it, "bob").await;
    let (cookie, other) = (log_in(&it).await, log_in(&it).await);
    assert_ne!(cookie, other);
    let list = async |headers: &[&str]| ask(&it, "GET", "/eventmatch", headers).await;
    assert_eq!(list(&[&cookie]).await.status, 200);

    // A page of another site can make the browser send the cookie, but not the header.
    for headers in [&[&*cookie][..], &[&cookie, "X-Circuits: 2"], &[&cookie, "X-Circuits:"]] {
        for (method, path) in
            [("POST", "/eventmatch"), ("DELETE", "/eventmatch/1"), ("DELETE", "/management/session")]
        {
            let answer = ask(&it, method, path, headers).await;
            assert!(answer.status == 403 && answer.body.contains("X-Circuits: 1"), "{path}: {}", answer.body);
            assert!(answer.all("Set-Cookie").is_empty());
        }
    }
    let page = ask(&it, "POST", "/eventmatch", &[&cookie, PAGE]).await;
    assert_eq!(page.status, 400, "it is let in, and its body is not one: {}", page.body);
    assert_eq!(list(&[&cookie]).await.status, 200);

    let out = ask(&it, "DELETE", "/management/session", &[&cookie, PAGE]).await;
    assert_eq!((out.status, out.cookie()), (204, CLEARED));
    list(&[&cookie]).await.takes_the_cookie_back();
    let token = cookie.split("circuits_session=").nth(1).unwrap().split(';').next().unwrap();
    assert_eq!(list(&[&format!("Authorization: Bearer {token}")]).await.status, 401);
    assert_eq!(ask(&it, "DELETE", "/management/session", &[&cookie, PAGE]).await.status, 204);
    assert_eq!(ask(&it, "DELETE", "/management/session", &[]).await.status, 204);
    assert_eq!(list(&[&other]).await.status, 200, "only this browser has logged out");

    // Its time is over.
    let store = rusqlite::Connection::open(it.store()).unwrap();
    store.execute("UPDATE record SET rank = unixepoch() * 1000 WHERE tbl = 'account.token'", []).unwrap();
    list(&[&other]).await.takes_the_cookie_back();
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_cookie_is_taken_back_and_is_neither_a_guess_nor_stronger_than_a_header() {
    let it = Eventful::start("wrong cookies").await;
    let runner = it.run(ON).await;
    add(&it, "bob").await;
    let good = log_in(&it).await;
    let basic = |password: &str| {
        format!("Authorization: Basic {}", BASE64_STANDARD.encode(format!("bob:{password}")))
    };
    let list = async |headers: &[&str]| ask(&it, "GET", "/eventmatch", headers).await;
    for _ in 0..20 {
        list(&["Cookie: circuits_session=circuits_old"]).await.takes_the_cookie_back();
    }
    for wrong in ["Cookie: circuits_session=", "Cookie: circuits_session=\u{e4}"] {
        list(&[wrong]).await.takes_the_cookie_back();
        assert_eq!(list(&[wrong, &basic(PASSWORD)]).await.status, 200, "no guess, and the header counts");
    }
    assert_eq!(list(&[&good, &basic("wrong")]).await.status, 401, "the header counts");
    let first = good.replace("Cookie: ", "Cookie: circuits_session=x; ");
    for two in [&[&*first][..], &[&good, "Cookie: circuits_session=x"], &[&good, &good]] {
        list(two).await.takes_the_cookie_back();
    }
    let others = "Cookie: xcircuits_session=x; circuits_sessions=x; circuits_session";
    assert_eq!(list(&[&good, others]).await.status, 200);
    assert_eq!(list(&[others]).await.status, 401);
    assert_eq!(list(&[&good]).await.status, 200);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_opens_no_session_and_no_dialog_of_the_browser() {
    let it = Eventful::start("no session").await;
    let runner = it.run(ON).await;
    add(&it, "bob").await;
    let answer = Answer::of(&it.raw(login("wrong").as_bytes()).await);
    assert!(answer.status == 401 && answer.body.contains("name or password is wrong"), "{}", answer.body);
    assert_eq!(answer.all("WWW-Authenticate"), ["Bearer realm=\"circuits\""]);
    assert!(answer.all("Set-Cookie").is_empty());
    let page = ask(&it, "GET", "/eventmatch", &[PAGE]).await;
    assert_eq!((page.status, page.all("WWW-Authenticate")), (401, vec!["Bearer realm=\"circuits\""]));
    assert_eq!(ask(&it, "GET", "/eventmatch", &[]).await.all("WWW-Authenticate").len(), 2);
    assert_eq!(ask(&it, "POST", "/management/session", &[]).await.status, 400);
    assert_eq!(ask(&it, "GET", "/management/session", &[]).await.status, 405);
    assert_eq!(ask(&it, "POST", "/management/session/x", &[]).await.status, 404);
    for _ in 0..9 {
        it.raw(login("wrong").as_bytes()).await;
    }
    let answer = Answer::of(&it.raw(login(PASSWORD).as_bytes()).await);
    assert!(answer.status == 401 && answer.body.contains("too many wrong attempts"), "{}", answer.body);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_counts_only_where_the_settings_say_so() {
    let it = Eventful::start("no cookies").await;
    let runner = it.run(&format!("{ON}\nhttp_auth=basic, token")).await;
    add(&it, "bob").await;
    assert_eq!(Answer::of(&it.raw(login(PASSWORD).as_bytes()).await).status, 404);
    let body = format!(r#"{{"username":"bob","password":"{PASSWORD}"}}"#);
    let (_, body) = it.http("POST", "/management/auth", "", body.as_bytes()).await;
    let token = body.split('"').nth(3).unwrap();
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(ask(&it, "GET", "/eventmatch", &[&bearer]).await.status, 200);
    let cookie = format!("Cookie: circuits_session={token}");
    assert_eq!(ask(&it, "GET", "/eventmatch", &[&cookie]).await.status, 401);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_an_encrypted_connection_never_leaves_by_another() {
    let it = Eventful::start("secure").await;
    let authority = Authority::new(it.folder.path(), "authority");
    let certificate = authority.server(Flaw::None);
    let tls = format!("http_cert={}\nhttp_key={}", certificate.cert.display(), certificate.key.display());
    for (more, encrypted) in [(&*tls, true), ("http_url=HTTPS://soar.example.com", false)] {
        let runner = it.run(&format!("{ON}\n{more}")).await;
        if encrypted {
            add(&it, "bob").await;
        }
        let answer = if encrypted {
            super::http::over_tls(it.port, &authority.file, &login(PASSWORD)).await.unwrap()
        } else {
            it.raw(login(PASSWORD).as_bytes()).await
        };
        let answer = Answer::of(&answer);
        assert!(answer.cookie().ends_with("; HttpOnly; SameSite=Strict; Path=/; Secure"), "{}", answer.head);
        runner.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cookie_is_in_the_log() {
    let it = Eventful::start("session log").await;
    let config = it.world.app_config(&it.settings(&format!("{ON}\nloglevel=DEBUG")));
    let place = Place::new(BINARY);
    let runner = Process::start(Path::new(BINARY), &place.path(""), &format!("{config}[probe]\n"));
    runner.logs("started successfully").await;
    add(&it, "bob").await;
    let cookie = log_in(&it).await;
    assert_eq!(ask(&it, "GET", "/eventmatch", &[&cookie]).await.status, 200);
    assert_eq!(ask(&it, "POST", "/eventmatch", &[&cookie]).await.status, 403);
    assert_eq!(ask(&it, "DELETE", "/management/session", &[&cookie, PAGE]).await.status, 204);
    assert_eq!(ask(&it, "GET", "/eventmatch", &[&cookie]).await.status, 401);
    assert_eq!(runner.terminate().await, Some(0));
    let log = place.read("logs/app.log");
    let token = cookie.split("circuits_session=").nth(1).unwrap();
    assert!(log.contains("Logged in") && !log.contains(&token[..20]), "{log}");
}
