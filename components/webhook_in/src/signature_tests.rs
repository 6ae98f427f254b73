//! The signatures, with the examples that GitHub's documentation and the Standard Webhooks library publish.

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

/// The example of docs.github.com, "Validating webhook deliveries".
const SECRET: &str = "It's a Secret to Everybody";
const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

#[test]
fn githubs_example_is_signed_and_nothing_else_is() {
    let scheme = Scheme::github(&["another secret", SECRET]);
    let permits =
        |value: &str, body: &[u8]| scheme.permits(&headers(&[("x-hub-signature-256", value)]), body);
    let good = format!("sha256={SIGNATURE}");
    assert!(permits(&good, b"Hello, World!"));
    for (value, body) in [
        (good.as_str(), "Hello, World?"),
        (good.as_str(), ""),
        (SIGNATURE, "Hello, World!"),
        ("sha256=", "Hello, World!"),
        (&good[..good.len() - 1], "Hello, World!"),
        (&good[..good.len() - 2], "Hello, World!"),
        (&format!("{good}00"), "Hello, World!"),
        (&format!("sha1={SIGNATURE}"), "Hello, World!"),
        (&good.replace("sha256=7", "sha256=+"), "Hello, World!"),
        (&good.replace('7', "8"), "Hello, World!"),
    ] {
        assert!(!permits(value, body.as_bytes()), "{value} {body}");
    }
    assert!(!scheme.permits(&HeaderMap::new(), b"Hello, World!"));
    assert!(
        !Scheme::github(&["another secret"])
            .permits(&headers(&[("x-hub-signature-256", &good)]), b"Hello, World!")
    );
}

#[test]
fn standard_webhooks_are_signed_with_id_time_and_body_and_are_not_old() {
    const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    let key = Webhook::new(KEY).unwrap();
    // The library's published example.
    let published = key.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, BODY).unwrap();
    assert_eq!(published, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let scheme = Scheme::standard(&[OTHER, KEY]).unwrap();
    let permits = |id: &str, time: i64, signature: &str, body: &[u8]| {
        let time = time.to_string();
        scheme.permits(
            &headers(&[("webhook-id", id), ("webhook-timestamp", &time), ("webhook-signature", signature)]),
            body,
        )
    };
    let signed = |time: i64| key.sign("msg_1", time, BODY).unwrap();
    assert!(permits("msg_1", now, &signed(now), BODY));
    assert!(permits("msg_1", now, &format!("v1,AAAA {}", signed(now)), BODY));
    assert!(!permits("msg_1", now, &signed(now), b"{}"));
    assert!(!permits("msg_2", now, &signed(now), BODY));
    assert!(!permits("msg_1", now - 1, &signed(now), BODY));
    for skew in [-3600, 3600] {
        assert!(!permits("msg_1", now + skew, &signed(now + skew), BODY), "{skew}");
    }
    assert!(!scheme.permits(&HeaderMap::new(), BODY));
}

#[test]
fn a_shared_secret_is_in_its_header() {
    let scheme = Scheme::shared(HeaderName::from_static("x-secret"), &["first", "second"]);
    for (value, permitted) in
        [("first", true), ("second", true), ("", false), ("firs", false), ("first second", false)]
    {
        assert_eq!(scheme.permits(&headers(&[("x-secret", value)]), b""), permitted, "{value}");
    }
    assert!(!scheme.permits(&headers(&[("x-other", "first")]), b""));
}

#[test]
fn a_delivery_has_an_id_that_can_stand_in_a_text() {
    let github = Scheme::github(&[SECRET]);
    let delivery = github
        .delivery(&headers(&[("x-github-delivery", "72d3162e"), ("x-github-event", "push")]), b"{}")
        .unwrap();
    assert_eq!((delivery.id.as_str(), delivery.event.as_deref()), ("72d3162e", Some("push")));
    assert!(github.delivery(&HeaderMap::new(), b"{}").unwrap_err().contains("x-github-delivery"));
    let shared = Scheme::shared(HeaderName::from_static("x-secret"), &["first"]);
    let of = |pairs: &[(&str, &str)]| shared.delivery(&headers(pairs), b"abc").map(|delivery| delivery.id);
    assert_eq!(of(&[("x-delivery-id", "a/b:7")]).unwrap(), "a/b:7");
    // The digest of "abc" in FIPS 180-2.
    assert_eq!(of(&[]).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for id in ["", "a b", "<b>", "a]", "\"", &"x".repeat(201)] {
        assert!(of(&[("x-delivery-id", id)]).is_err(), "{id}");
    }
}
