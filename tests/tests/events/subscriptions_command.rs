//! `circuits subscriptions` without a runner: what is refused, and with which words; and paths that are tried on stored events.

use circuits_tests::command::{Place, Said};
use circuits_tests::eventful::Eventful;
use serde_json::{Value, json};

use circuits_events as _;
use circuits_http as _;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

/// A folder with a journal, where the settings have these lines.
fn place(settings: &str) -> Place {
    let place = Place::new(BINARY);
    place.write("app.config", &format!("[resilient]\nhost=h\napi_key_id=a\napi_key_secret=b\n{settings}\n"));
    place.run(&["db", "sync"]).is(0, &[]);
    place
}

fn add(place: &Place, more: &[&str]) -> Said {
    let base =
        ["subscriptions", "add", "--name", "files", "--jsonpath", "$.data", "--url", "https://h.test/recv"];
    place.run(&[&base[..], more].concat())
}

fn listed(place: &Place, more: &[&str]) -> Vec<Value> {
    let said = place.run(&[&["subscriptions", "list", "--json"], more].concat());
    said.is(0, &[]);
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn a_secret_on_the_command_line_is_one_reference_and_nothing_beside_it() {
    let place = place("subscriptions=true");
    for secret in ["plain", "${TOKEN}plain", "plain${TOKEN}", "${TOKEN}${OTHER}", "$TOKEN", "${TOKEN"] {
        for arguments in [
            ["--header-type", "Bearer", "--credentials", secret],
            ["--basic-user", "u", "--basic-password", secret],
        ] {
            let said = add(&place, &arguments);
            said.is(1, &[arguments[2], "'${HOOK_TOKEN}'", "seen by everybody"]);
            assert!(!said.err.contains("plain"), "{}", said.err);
        }
    }
    add(&place, &["--header-type", "Bearer", "--credentials", "${no name}"])
        .is(1, &["auth.header.credentials"]);
    assert_eq!(listed(&place, &[]), [json!(null); 0], "nothing of it is stored");
    let made = add(&place, &["--header-type", "Bearer", "--credentials", "${TOKEN}"]);
    made.is(0, &[]);
    assert_eq!(
        (&made.err, listed(&place, &[])[0]["uuid"].as_str().unwrap()),
        (&String::new(), made.out.trim())
    );
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place() {
    let place = place("subscriptions=true");
    let with = |option: &str, value: &str| {
        let mut words = ["subscriptions", "add", "--name", "n", "--jsonpath", "$", "--url", "http://h.test/"];
        let at = words.iter().position(|word| *word == option).unwrap();
        words[at + 1] = value;
        place.run(&words)
    };
    with("--jsonpath", "data").is(1, &["jsonpath: at character 1", "write $.data"]);
    with("--jsonpath", "$.a[?(@.b = 1)]").is(1, &["at character 11", "write == for ="]);
    with("--url", "ftp://h.test/").is(1, &["target_url", "http:// or https://"]);
    with("--url", "http://u:p@h.test/").is(1, &["target_url", "give them in auth"]);
    with("--name", "").is(1, &["name", "must not be empty"]);
    add(&place, &["--extension", "Upper=1"]).is(1, &["extensions.Upper"]);
    add(&place, &["--extension", "id=1"]).is(1, &["extensions.id", "choose another name"]);
    add(&place, &["--user", ""]).is(1, &["user"]);
    place.run(&["subscriptions", "add", "--name", "n"]).is(2, &["--jsonpath", "--url"]);
    place.run(&["subscriptions", "test", "data"]).is(1, &["at character 1", "write $.data"]);
    assert_eq!(listed(&place, &[]), [json!(null); 0]);
}

#[test]
fn several_are_changed_all_or_none() {
    let place = place("subscriptions=true");
    let (a, b) = (add(&place, &["--user", "alice"]), add(&place, &["--user", "bob"]));
    let (a, b) = (a.out.trim(), b.out.trim());
    let nobody = "00000000-0000-4000-8000-000000000000";
    for command in ["disable", "enable", "rm"] {
        place.run(&["subscriptions", command]).is(2, &["<UUID>"]);
        place.run(&["subscriptions", command, a, nobody]).is(1, &[nobody, "`circuits subscriptions list`"]);
    }
    let off = |all: &[Value]| all.iter().filter(|one| !one["disabled"].is_null()).count();
    let all = listed(&place, &[]);
    assert_eq!((all.len(), off(&all)), (2, 0));
    place.run(&["subscriptions", "disable", a, b]).is(0, &["is off."]);
    assert_eq!(off(&listed(&place, &[])), 2);
    place.run(&["subscriptions", "enable", a]).is(0, &["is on."]);
    let alices = listed(&place, &["--user", "alice"]);
    assert_eq!((alices.len(), &alices[0]["uuid"], off(&alices)), (1, &json!(a), 0));
    place.run(&["subscriptions", "list", "--user", "carol"]).is(0, &["There is no subscription."]);
}

#[test]
fn settings_that_keep_subscriptions_from_getting_anything_are_named() {
    const OFF: &str = "subscriptions=false";
    let off = place("");
    let made = add(&off, &[]);
    made.is(0, &[OFF]);
    let uuid = made.out.trim();
    off.run(&["subscriptions", "enable", uuid]).is(0, &[OFF]);
    let list = off.run(&["subscriptions", "list", "--json"]);
    assert!(list.err.contains(OFF), "{}", list.err);
    assert!(serde_json::from_str::<Value>(&list.out).is_ok(), "the output stays JSON: {}", list.out);
    let on = place("subscriptions=true");
    let list = on.run(&["subscriptions", "list"]);
    assert_eq!(list.err, "");
    for command in [&["subscriptions", "list"][..], &["events", "deliveries"]] {
        on.run(&[command, &["--journal", "off"]].concat()).is(1, &["journal=off"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_tried_on_stored_events_and_what_it_selects_is_shown_without_secrets() {
    let it = Eventful::start("try").await;
    let more = "subscriptions=true";
    let config = format!("{}\n[probe]\n[mail]\nsmtppw=hunter22\n", it.world.app_config(&it.settings(more)));
    let config = it.file("app.config", &config);
    let runner = it.run(more).await;
    for (id, text) in [("one", "hunter22"), ("two", "other")] {
        let event =
            json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "data": {"text": [text]}});
        assert_eq!(it.http("POST", "/receive", "", event.to_string().as_bytes()).await.0, 200);
    }
    runner.stop().await;
    let place = Place::new(BINARY);
    let config = config.to_str().unwrap();
    let tried = |arguments: &[&str]| {
        place.run(&[&["subscriptions", "test", "--config-file", config], arguments].concat())
    };
    let said = tried(&["--json", "$.data.text[?@ == 'hunter22']"]);
    said.is(0, &[]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!((&found[0]["type"], &found[0]["selected"]), (&json!("t"), &json!(["***"])));
    let text = tried(&["$.data.text"]);
    text.is(0, &["[[\"***\"]]", "[[\"other\"]]", "It selects something in 2 of"]);
    assert!(!text.out.contains("hunter22"), "{}", text.out);
    tried(&["--limit", "1", "$"]).is(0, &["It selects something in 1 of 1 stored event."]);
    let nothing = tried(&["--json", "--since", "2199-01-01", "$"]);
    assert_eq!((nothing.code, nothing.out.trim()), (1, "[]"));
}
