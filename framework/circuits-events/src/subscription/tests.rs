//! What a subscriber notices: which objects are taken, what is kept and shown, and which events are selected.

use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const UUID: Uuid = Uuid::from_u128(0x466725b0_cbe1_45cd_b034_c3209aa4b6e0);

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    time("2030-01-31T12:00:00Z")
}

fn later() -> Timestamp {
    time("2030-01-31T13:00:00Z")
}

fn create(body: &Value) -> Result<Subscription, Invalid> {
    Subscription::create("dmlb2001", body.to_string().as_bytes(), now(), UUID)
}

/// A subscription that can be made, with `changes` in its body.
fn created(changes: Value) -> Result<Subscription, Invalid> {
    let mut body =
        json!({"name": "My Event Match", "jsonpath": "$.data", "target_url": "http://127.0.0.1:18182/recv"});
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    create(&body)
}

fn changed(subscription: &Subscription, body: Value) -> Result<Subscription, Invalid> {
    subscription.change(body.to_string().as_bytes(), later())
}

fn authorization(subscription: &Subscription) -> Option<String> {
    let environment = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
    subscription.authorization(&environment).unwrap().map(|value| value.expose_secret().to_owned())
}

fn basic(username: &str, password: &str) -> Value {
    json!({"type": "basic", "basic": {"username": username, "password": password}})
}

fn header(scheme: &str, credentials: &str) -> Value {
    json!({"type": "header", "header": {"type": scheme, "credentials": credentials}})
}

fn selects(path: &str, event: &Value) -> bool {
    Matcher::new(path).unwrap().selects(event).unwrap()
}

#[test]
fn pn_1_a_new_subscription_has_the_thirteen_keys() {
    let shown = created(json!({})).unwrap().shown();
    let expected = json!({
        "uuid": "466725b0-cbe1-45cd-b034-c3209aa4b6e0", "name": "My Event Match", "jsonpath": "$.data",
        "user": "dmlb2001", "target_url": "http://127.0.0.1:18182/recv", "auth": {}, "extensions": {},
        "version": "v0.1", "disabled": null, "error": null, "created": "2030-01-31T12:00:00Z",
        "updated": "2030-01-31T12:00:00Z", "deleted": null,
    });
    assert_eq!(shown, expected);
}

#[test]
fn pn_2_what_is_wrong_is_named_with_its_field() {
    let table = [
        (json!({"jsonpath": "data"}), "jsonpath: at character 1: a path begins with $; write $.data"),
        (json!({"auth": {"type": "digest"}}), "auth.type: must be basic or header, not digest"),
        (json!({"auth": {"type": "basic"}}), "auth.basic: must be an object with username and password"),
        (json!({"auth": {"type": "basic", "basic": {"username": "u"}}}), "auth.basic.password: is missing"),
        (json!({"auth": {"type": "header", "header": {"type": "B"}}}), "auth.header.credentials: is missing"),
        (json!({"name": ""}), "name: must not be empty"),
        (json!({"name": "x".repeat(201)}), "name: has 201 characters; 200 are allowed"),
        (json!({"jsonpath": 1}), "jsonpath: must be text"),
        (json!({"uuid": "1"}), "uuid: is set by the server and cannot be changed; leave it out"),
        (json!({"extensions": []}), "extensions: must be an object; {} stands for none"),
    ];
    for (changes, expected) in table {
        assert_eq!(created(changes).unwrap_err().to_string(), expected);
    }
    for field in ["name", "jsonpath", "target_url"] {
        let mut body = json!({"name": "n", "jsonpath": "$", "target_url": "http://h/"});
        body.as_object_mut().unwrap().remove(field);
        assert_eq!(create(&body).unwrap_err().to_string(), format!("{field}: is missing"));
    }
    let unknown = created(json!({"colour": 1})).unwrap_err();
    assert_eq!(unknown.field(), Some("colour"));
    assert!(unknown.to_string().contains("target_url"), "{unknown}");
}

#[test]
fn a_target_is_an_address_of_http_without_a_user() {
    let wrong =
        ["", "h/p", "ftp://h/", "http://", "http://u@h/", "http://u:p@h/", "http://h/\n", "file:///x"];
    for url in wrong {
        assert_eq!(created(json!({"target_url": url})).unwrap_err().field(), Some("target_url"), "{url}");
    }
    assert!(created(json!({"target_url": "https://[::1]:8443/in?key=1"})).is_ok());
}

#[test]
fn an_extension_is_an_attribute_that_cloudevents_allows() {
    for extensions in [
        json!({"id": "x"}),
        json!({"data_base64": "x"}),
        json!({"Sub": "x"}),
        json!({"": "x"}),
        json!({"s-b": "x"}),
        json!({"s": null}),
        json!({"s": 1.5}),
        json!({"s": 3_000_000_000_u64}),
        json!({"s": {}}),
        json!({"s": "a\nb"}),
        (0..21).map(|n| (format!("n{n}"), json!(n))).collect(),
    ] {
        let invalid = created(json!({"extensions": extensions})).unwrap_err();
        assert!(invalid.to_string().starts_with("extensions"), "{invalid}");
    }
    assert!(created(json!({"extensions": {"sub": "alice", "n1": -7, "b": true, "e": ""}})).is_ok());
}

#[test]
fn a_body_that_is_no_object_or_too_large_is_refused() {
    for body in [&b"x"[..], b"[]", b"", &[b' '; 64 * 1024 + 1], "[".repeat(60_000).as_bytes()] {
        assert!(Subscription::create("u", body, now(), UUID).is_err());
    }
}

#[test]
fn pn_4_a_change_keeps_what_it_does_not_name() {
    let old = created(json!({"extensions": {"sub": "alice"}, "auth": basic("u", "p")})).unwrap();
    let new = changed(&old, json!({"target_url": "http://127.0.0.1:18182/new"})).unwrap();
    let mut expected = old.shown();
    expected["target_url"] = json!("http://127.0.0.1:18182/new");
    expected["updated"] = json!("2030-01-31T13:00:00Z");
    assert_eq!(new.shown(), expected);
    assert_eq!(authorization(&new).as_deref(), Some("Basic dTpw"));
}

#[test]
fn pn_4_what_the_server_sets_cannot_be_changed() {
    let old = created(json!({})).unwrap();
    for (field, value) in [
        ("user", json!("mallory")),
        ("uuid", json!("1")),
        ("created", json!(null)),
        ("updated", json!("2031-01-31T12:00:00Z")),
        ("deleted", json!(true)),
        ("version", json!("v0.2")),
    ] {
        assert_eq!(changed(&old, json!({ field: value })).unwrap_err().field(), Some(field));
    }
}

#[test]
fn an_object_that_is_read_edited_and_put_back_keeps_its_secret() {
    for (auth, expected) in [
        (basic("u", "p"), "Basic dTpw"),
        (header("Bearer", "s3cret"), "Bearer s3cret"),
        (header("Bearer", "${TOKEN}"), "Bearer s3cret"),
    ] {
        let old = created(json!({ "auth": auth })).unwrap();
        let mut edited = old.shown();
        edited["name"] = json!("Renamed");
        let new = changed(&old, edited).unwrap();
        assert_eq!(new.name, "Renamed");
        assert_eq!(authorization(&new).as_deref(), Some(expected));
    }
}

#[test]
fn a_mask_without_a_secret_behind_it_is_refused() {
    let invalid = created(json!({"auth": basic("u", "***")})).unwrap_err();
    assert_eq!(invalid.field(), Some("auth.basic.password"));
    let old = created(json!({"auth": basic("u", "p")})).unwrap();
    let invalid = changed(&old, json!({"auth": header("Bearer", "***")})).unwrap_err();
    assert_eq!(invalid.field(), Some("auth.header.credentials"));
}

#[test]
fn pn_8_a_subscription_is_switched_off_and_comes_back_with_its_auth() {
    let old = created(json!({"auth": basic("u", "p")})).unwrap();
    let off = changed(&old, json!({"disabled": true, "error": "target 404"})).unwrap();
    assert_eq!(
        (off.disabled, off.error.as_deref(), off.is_live()),
        (Some(later()), Some("target 404"), false)
    );
    let on = changed(&off, json!({"disabled": null, "error": null})).unwrap();
    assert_eq!((on.disabled, on.error.as_deref(), on.is_live()), (None, None, true));
    assert_eq!(authorization(&on).as_deref(), Some("Basic dTpw"));
    let at = changed(&old, json!({"disabled": "2030-02-01T00:00:00+01:00"})).unwrap();
    assert_eq!(at.disabled, Some(time("2030-01-31T23:00:00Z")));
    assert_eq!(changed(&old, json!({"disabled": "soon"})).unwrap_err().field(), Some("disabled"));
}

#[test]
fn pn_6_credentials_become_the_header_that_the_target_wants() {
    let bearer = created(json!({"auth": header("Bearer", "s3cret")})).unwrap();
    assert_eq!(authorization(&bearer).as_deref(), Some("Bearer s3cret"));
    let variable = created(json!({"auth": header("Bearer", "x-${TOKEN}-y")})).unwrap();
    assert_eq!(authorization(&variable).as_deref(), Some("Bearer x-s3cret-y"));
    assert_eq!(authorization(&created(json!({})).unwrap()), None);
}

#[test]
fn pn_6_only_the_subscription_with_extensions_adds_them() {
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": 1}});
    let plain = created(json!({})).unwrap();
    assert_eq!(outgoing(&event, &plain), event);
    let mut extended = created(json!({"extensions": {"sub": "alice", "level": 3}})).unwrap();
    // As a store might hold it that somebody has written to by hand.
    extended.extensions.insert("id".to_owned(), json!("forged"));
    let mut expected = event.clone();
    expected["sub"] = json!("alice");
    expected["level"] = json!(3);
    assert_eq!(outgoing(&event, &extended), expected);
}

#[test]
fn a_variable_that_is_not_there_is_named_and_its_neighbours_stay_secret() {
    let subscription = created(json!({"auth": basic("${TOKEN}", "hush-${GONE}")})).unwrap();
    let environment = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
    let invalid = subscription.authorization(&environment).unwrap_err();
    assert_eq!(invalid.field(), Some("auth.basic.password"));
    let text = invalid.to_string();
    assert!(text.contains("GONE") && !text.contains("hush") && !text.contains("s3cret"), "{text}");
    let lines = |_: &str| Some("a\r\nX: y".to_owned());
    let bearer = created(json!({"auth": header("Bearer", "${TOKEN}")})).unwrap();
    assert_eq!(bearer.authorization(&lines).unwrap_err().field(), Some("auth.header.credentials"));
    let open = created(json!({"auth": header("Bearer", "a${b")})).unwrap_err();
    assert_eq!(open.field(), Some("auth.header.credentials"));
}

#[test]
fn secrets_are_in_the_stored_form_and_nowhere_else() {
    for auth in [basic("u", "hush"), header("Bearer", "hush")] {
        let subscription = created(json!({ "auth": auth })).unwrap();
        let shown = subscription.shown().to_string();
        assert!(shown.contains("***") && !shown.contains("hush"), "{shown}");
        assert!(!format!("{subscription:?} {:?}", subscription.auth).contains("hush"));
        let stored = serde_json::to_string(&subscription).unwrap();
        let back: Subscription = serde_json::from_str(&stored).unwrap();
        assert_eq!(authorization(&back), authorization(&subscription));
        assert_eq!(back.shown(), subscription.shown());
    }
    let reference = created(json!({"auth": basic("${USER}", "${TOKEN}")})).unwrap();
    assert_eq!(reference.shown()["auth"], basic("${USER}", "${TOKEN}"));
    let mixed = created(json!({"auth": basic("u", "hush${TOKEN}")})).unwrap();
    assert_eq!(mixed.shown()["auth"], basic("u", "***"));
}

#[test]
fn pn_15_both_paths_select_an_event_about_the_incident() {
    let event = |id: u64| {
        json!({"specversion": "1.0", "id": "1", "source": "/orgs/201/destinations/ticket",
            "type": "circuits.action.completed", "data": {"incident": {"id": id, "name": "n"}, "task": null}})
    };
    // The second tests the children of the root, and `data` is the child that has `incident.id`.
    for path in ["$.data.incident[?@ == 2496]", "$[?@.incident.id==2496]"] {
        assert!(selects(path, &event(2496)), "{path}");
        assert!(!selects(path, &event(2497)), "{path}");
    }
    assert!(!selects("$[?@.data.incident.id==2496]", &event(2496)), "no child of the root has data");
    assert!(!selects("$.nothing", &event(2496)));
    assert!(selects("$.data.task", &event(2496)), "a null is selected too");
}

#[test]
fn a_path_of_jsonpath2_is_refused_with_its_rewrite() {
    for (path, at, found) in [
        (r#"$.data.*[?(@.value="Blah")].value"#, 19, "="),
        (r#"$[?(@["é"] and (@["b"] = "c"))]["d"]"#, 12, "and"),
        ("$.data[?@.a==1 or @.b==2]", 16, "or"),
        ("$.data[?not @.a]", 9, "not"),
    ] {
        let text = Matcher::new(path).unwrap_err().to_string();
        let start = format!(
            "jsonpath: at character {at}: {found} is not understood; paths are RFC 9535, not jsonpath2"
        );
        assert!(text.starts_with(&start), "{path}: {text}");
        assert!(text.contains("write == for ="), "{text}");
    }
}

#[test]
fn the_position_counts_characters_from_one() {
    for (path, at) in
        [("$.é[", 4), ("$.data[?@.a=='é' && ]", 21), ("", 1), ("$.", 3), ("$.data[?@.a == 1", 17)]
    {
        let text = Matcher::new(path).unwrap_err().to_string();
        assert!(text.contains(&format!("at character {at}:")), "{path}: {text}");
        assert!(!text.contains("jsonpath2,"), "{path}: {text}");
    }
}

#[test]
fn a_path_that_could_take_for_ever_is_refused() {
    let long = format!("$.{}", "a".repeat(4096));
    for path in [
        "$..a..b..c",
        "$..[?@..a && @..b]",
        "$[?$..a]",
        "$.data[?count($.data[*]) > 1]",
        "$['a','a','a','a']['b','b','b','b']['c','c','c','c']['d','d']",
        "$[?search(@.name, @.pattern)]",
        r"$[?search(@.name, '(\\w{20}){20}')]",
        r"$[?search(@.name, 'a\u007b20}')]",
        &long,
        &"$[?".repeat(2000),
        &format!("$[?{}@{}]", "(".repeat(13), ")".repeat(13)),
        &format!("$[?{}@.*{}]", "count(@[?".repeat(400), ">1])".repeat(400)),
    ] {
        let invalid = Matcher::new(path).unwrap_err();
        assert_eq!(invalid.field(), Some("jsonpath"), "{path}");
    }
}

#[test]
fn a_path_with_filters_lists_and_patterns_is_taken() {
    let deep = format!("$[?{}@{}]", "(".repeat(11), ")".repeat(11));
    let counting = format!("$[?{}@.*{}]", "count(@[?".repeat(5), "]) >= 0".repeat(5));
    let event =
        json!({"type": "t", "data": {"rows": [{"name": "phish", "tags": ["x"]}, {"name": "ok"}], "n": 2}});
    for (path, expected) in [
        ("$.data.rows[?search(@.name, '^ph')]", true),
        (r"$.data.rows[?match(@.name, '\\p{L}+')]", true),
        ("$.data.rows[?search(@.name, '^x')]", false),
        ("$.data.rows[?@.tags[?@ == 'x']]", true),
        ("$..[?@.name == 'ok' && $.data['n'] == 2]", true),
        ("$.data.rows[-1]['name','tags']", true),
        ("$.data.rows[1:]..name", true),
        ("$ .data [ 'rows' ] [0] .name", true),
        ("$", true),
        ("$.data.none[?@.a == 1]", false),
        (&deep, true),
        (&counting, true),
    ] {
        assert_eq!(selects(path, &event), expected, "{path}");
    }
}

#[test]
fn an_event_that_is_too_large_for_the_path_is_not_walked() {
    let rows: Vec<Value> = (0..20_000).map(|n| json!({"name": n.to_string()})).collect();
    let event = json!({"data": {"rows": rows, "incident": {"name": "phish"}}});
    let cost = |path: &str| Matcher::new(path).unwrap().selects(&event);
    assert!(cost(r"$..[?search(@.name, '\\w')]").unwrap_err().to_string().contains("too long"));
    assert_eq!(cost(r"$.data.incident[?search(@, '\\w')]"), Ok(true), "only what stands there counts");
    assert_eq!(cost("$..[?@.name == '19999']"), Ok(true));
}

proptest! {
    #[test]
    fn no_path_and_no_event_panics(path in r#"\$?([.@$?*&|!=()<>,: -]|\[|\]|'|"|\\|[a-c]|é|[0-9]|and|search|count){0,40}"#) {
        let event = json!({"a": [{"b": "é", "c": [1, 2]}], "b": {"a": 1}});
        if let Ok(matcher) = Matcher::new(&path) {
            let _ = matcher.selects(&event);
        }
    }

    #[test]
    fn no_body_panics_and_what_is_taken_can_be_stored(body in any_body()) {
        if let Ok(subscription) = create(&body) {
            let stored = serde_json::to_value(&subscription).unwrap();
            let back: Subscription = serde_json::from_value(stored).unwrap();
            prop_assert_eq!(back.shown(), subscription.shown());
            let again = changed(&back, subscription.shown()).unwrap();
            prop_assert_eq!(&again.name, &subscription.name);
            let _ = subscription.authorization(&|_| Some("v".to_owned()));
        }
    }
}

/// Bodies of which a good part is taken.
fn any_body() -> impl Strategy<Value = Value> {
    let word = prop_oneof!["[a-z]{1,5}", Just("${A}".to_owned()), Just("${".to_owned()), ".{0,8}"];
    let auth = prop_oneof![
        Just(json!({})),
        (word.clone(), word.clone()).prop_map(|(a, b)| basic(&a, &b)),
        (word.clone(), word.clone()).prop_map(|(a, b)| header(&a, &b)),
        word.clone().prop_map(|text| json!({ "type": text })),
    ];
    let extension = prop_oneof![Just(json!(1)), Just(json!(null)), word.clone().prop_map(Value::from)];
    (word.clone(), word.clone(), auth, word, extension).prop_map(|(name, host, auth, key, value)| {
        let target = format!("http://{host}/");
        json!({"name": name, "jsonpath": "$", "target_url": target, "auth": auth, "extensions": {key: value}})
    })
}
