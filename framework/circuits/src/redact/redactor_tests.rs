//! Every form of a known secret disappears; harmless text stays.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use super::*;

const SECRET: &str = "s3cr\"et\\p: ä\nx/y+z";

#[test]
fn every_form_of_a_known_secret_is_hidden() {
    let redactor = Redactor::new(&[SECRET]);
    let json = serde_json::to_string(SECRET).unwrap();
    let basic = |user: &str| STANDARD.encode(format!("{user}:{SECRET}:more"));
    for text in [
        SECRET.to_owned(),
        json.clone(),
        serde_json::to_string(&json).unwrap(),
        format!("{SECRET:?}"),
        SECRET.escape_default().to_string(),
        percent(SECRET, false),
        percent(SECRET, true),
        percent(SECRET, false).replace("%20", "+"),
        stomp(SECRET),
        STANDARD.encode(SECRET),
        URL_SAFE_NO_PAD.encode(SECRET),
        // In each of the three places in a group of three bytes that base64 may put it.
        basic("u"),
        basic("us"),
        basic("use"),
    ] {
        let hidden = redactor.hide(&format!("before {text} after"));
        assert!(hidden.starts_with("before ") && hidden.ends_with(" after"), "{hidden}");
        assert!(hidden.contains(HIDDEN), "{text} stays in {hidden}");
        for piece in ["s3cr", "et\\p", "x/y", &STANDARD.encode(SECRET)[4..20]] {
            assert!(!hidden.contains(piece), "{piece} of {text} stays in {hidden}");
        }
    }
}

#[test]
fn secrets_are_added_to_all_clones_and_long_ones_go_first() {
    let redactor = Redactor::new(&["hunter2"]);
    let clone = redactor.clone();
    assert_eq!(clone.hide("a t0ken-0815 b"), "a t0ken-0815 b");
    redactor.add("t0ken-0815");
    redactor.add("hunter2-and-more");
    assert_eq!(clone.hide("a t0ken-0815 b hunter2-and-more hunter2"), "a *** b *** ***");
}

#[test]
fn short_texts_and_near_misses_stay() {
    let redactor = Redactor::new(&["", " ", "abc", "hunter2"]);
    for text in ["abc", "hunter", "Hunter2", "message-id:ID:host-1:2 destination:actions.201.x", ""] {
        assert_eq!(redactor.hide(text), text);
    }
    assert!(!format!("{redactor:?}").contains("hunter2"));
}

#[test]
fn short_secrets_do_not_eat_other_base64() {
    let redactor = Redactor::new(&["abcd"]);
    let other = STANDARD.encode("some quite harmless text, abc and d");
    assert_eq!(redactor.hide(&other), other);
}

#[test]
fn json_is_hidden_by_name_and_by_value() {
    let redactor = Redactor::new(&["s3cr\"et", "abc"]);
    let value = serde_json::json!({
        "csrf_token": "x", "Set-Cookie": "y", "pin": 1234, "passwords": ["a", {"of": "b"}], "password": null, "secret": true,
        "credentials": {"id": 7, "key": "is s3cr\"et"}, "a": ["is s3cr\"et", "abc", "pwd=plain"]
    });
    assert_eq!(
        redactor.hide_in(value),
        serde_json::json!({
            "csrf_token": "***", "Set-Cookie": "***", "pin": "***", "passwords": ["***", {"of": "b"}], "password": null, "secret": true,
            "credentials": {"id": 7, "key": "is ***"}, "a": ["is ***", "abc", "pwd=***"]
        })
    );
}
