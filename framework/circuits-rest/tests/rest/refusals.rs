//! Refusals that are not the platform's own error objects: bans, redirects, and the web pages of servers in front of it.

use crate::support::{Answer, Peer, login, reply, reply_with};
use circuits_rest::Client;
use serde_json::{Value, json};

fn page(status: u16) -> Answer {
    let body = b"<!DOCTYPE html>\n<html><head>\n<title>Service\n Unavailable</title><style>p{}</style></head></html>";
    Answer::Reply { status, headers: vec![("Content-Type", "text/html".into())], body: body.to_vec() }
}

#[tokio::test]
async fn a_banned_address_is_not_told_to_correct_a_password() {
    let peer = Peer::start("localhost", false, |_| reply(403, json!({"message": "Access is denied"}))).await;
    let error = Client::connect(peer.options().login_tries(None)).await.unwrap_err();
    assert!(error.is_banned() && error.is_credentials() && error.status() == Some(403), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("refused the login: Access is denied") && text.contains("lift the ban"), "{text}");
    assert_eq!(peer.seen().len(), 1, "one who knocks again makes a ban longer");
}

#[tokio::test]
async fn foreign_pages_and_redirects_are_one_short_line() {
    let peer = Peer::platform(|seen| match seen.path.rsplit('/').next().unwrap() {
        "moved" => reply_with(302, &[("Location", "https://sso.example.com/in?ticket=s3cret")], json!({})),
        "welcome" => page(200),
        _ => page(500),
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    let told = async |path: &str| rest.get::<Value>(path).await.unwrap_err().to_string();
    assert_eq!(
        told("/moved").await,
        "GET /moved: 302 Found: redirected to https://sso.example.com/in\n  hint: redirects are not followed: check `host`, \
         `port` and `resource_prefix`"
    );
    let unavailable = "a web page titled 'Service Unavailable'";
    assert_eq!(told("/broken").await, format!("GET /broken: 500 Internal Server Error: {unavailable}"));
    let text = told("/welcome").await;
    assert!(text.starts_with(&format!("GET /welcome: the answer is {unavailable}, not a ")), "{text}");
}

#[tokio::test]
async fn a_login_that_leads_elsewhere_says_where() {
    let peer = Peer::start("localhost", false, |seen| match seen.path.starts_with("/rest/session") {
        true => reply_with(307, &[("Location", "/setup")], json!({})),
        false => login(seen).unwrap(),
    })
    .await;
    let error = Client::connect(peer.options()).await.unwrap_err();
    assert!(error.to_string().contains("307 Temporary Redirect: redirected to /setup"), "{error}");
    let peer = Peer::start("localhost", false, |_| page(200)).await;
    let error = Client::connect(peer.options()).await.unwrap_err();
    assert!(error.is_body(), "{error:?}");
    assert!(error.to_string().contains("the login is a web page titled 'Service Unavailable'"), "{error}");
}
