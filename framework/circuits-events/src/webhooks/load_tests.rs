//! What an operator notices when definitions are read.

use std::path::PathBuf;

use circuits::EventKind;
use secrecy::ExposeSecret;

use super::test_files::{faults, folder, load_folder, load_item, load_paths, webhook};

/// An item whose lines are these; each starts with a key.
fn item(lines: &[&str]) -> String {
    format!("webhooks:\n  - {}\n", lines.join("\n    "))
}

#[test]
fn mw_5_each_bad_definition_is_a_fault_that_names_file_and_item() {
    let (name, action) = ("name: ticket", "action: action_completed");
    let (method, url) = ("method: POST", "url: http://h/x");
    for (lines, text) in [
        (vec![name, action, method, url, "extra: 1"], "\"extra\" is not a key of a webhook"),
        (vec![name, action, method, url, "tires: 1"], "did you mean tries?"),
        (vec![name, action, method], "url is missing"),
        (vec![name, action, "method: post", url], "method \"post\" is not one of GET, HEAD, POST"),
        (vec![name, "action: nope", method, url], "action \"nope\" is not known"),
        (
            vec![name, "action: action_complete", method, url],
            "did you mean action_completed? The actions are",
        ),
        (vec![name, "action: \"\"", method, url], "action is empty"),
        (vec![name, action, method, "url: failing_url"], "url: it has no scheme"),
        (vec![name, action, method, "url: http://"], "url: it is not an address: empty host"),
        (vec![name, action, method, "url: ftp://h/x"], "url: it must begin with https:// or http://"),
        (vec![name, action, method, "url: 7"], "url must be text"),
        (vec![name, action, method, url, "format: bogus"], "format \"bogus\" is not one of json, html"),
        (
            vec![name, action, method, url, "payload: {a: '{{nope}}'}"],
            "payload.a: action_completed has no {{ nope }}",
        ),
        (vec![name, action, method, url, "timeout: 301"], "timeout must be a whole number from 1 to 300"),
        (vec![name, action, method, url, "tries: 0"], "tries must be a whole number from 1 to 50"),
        (
            vec![name, action, method, url, "concurrency: 1.5"],
            "concurrency must be a whole number from 1 to 64",
        ),
        (vec![name, action, method, url, "secret: whsec_c2hvcnQ="], "secret: it holds 5 bytes"),
        (vec![name, action, method, url, "secret:"], "secret is empty"),
        (vec![name, action, method, url, "headers: [a]"], "headers: they must be a mapping"),
        (vec![name, action, method, url, "headers: {Host: x}"], "headers: \"Host\": the url decides it"),
    ] {
        let faults = faults(&item(&lines));
        assert_eq!(faults.len(), 1, "{lines:?}: {faults:?}");
        assert!(faults[0].starts_with("hooks.yml, item 1 \"ticket\": "), "{faults:?}");
        assert!(faults[0].contains(text), "{faults:?}");
    }
    assert_eq!(
        faults("webhooks: [text]"),
        ["hooks.yml, item 1: a webhook must be a mapping with name, action, method and url"]
    );
    assert_eq!(faults(&item(&["name: \"a\\nb\"", action, method, url])).len(), 1);
}

#[test]
fn mw_5_mistakes_in_templates_are_found_before_an_event_comes() {
    for (payload, text) in [
        ("payload: 'a {{ queue'", "payload: syntax error"),
        ("payload: '{{ queue | uper }}'", "there is no filter \"uper\""),
        ("payload: '{% if error %}{{ error|nope }}{% endif %}'", "there is no filter \"nope\""),
        ("payload: ['{{ queue.split(1) }}']", "payload[0]: action_completed has no {{ queue.split }}"),
        ("payload: ['{{ incident.name.upper() }}']", "values have no methods such as .upper()"),
        ("payload: '{{ callback_url }}'", "only action_waiting has it"),
        ("payload: {'{{ nope }}': 1}", "payload, key \"{{ nope }}\": action_completed has no {{ nope }}"),
        ("payload: '{% include \"x\" %}'", "syntax error: unknown statement include"),
        ("payload: {{ queue }}", "put quotation marks around {{ }}"),
    ] {
        let loaded = load_item(payload);
        let faults: Vec<_> = loaded.faults.iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|fault| fault.contains(text)), "{payload}: {faults:?}");
    }
}

#[test]
fn mw_6_all_faults_of_all_files_are_told_in_one_run_and_nothing_is_used() {
    let good = "webhooks:\n  - {name: good, action: action_failed, method: GET, url: 'http://h'}\n";
    let bad =
        "webhooks:\n  - {name: a, action: nope, method: GET, url: 'http://h'}\n  - text\n  - {name: c}\n";
    let folder = folder(&[("a.yml", good), ("b.yml", bad), ("c.json", "{"), ("d.yaml", "other: 1\n")]);
    let loaded = load_folder(&folder);
    let file = |fault: &super::Fault| fault.file.file_name().unwrap().to_string_lossy().into_owned();
    let at: Vec<_> =
        loaded.faults.iter().map(|fault| (file(fault), fault.item.as_ref().map(|item| item.0))).collect();
    let at: Vec<_> = at.iter().map(|(file, item)| (file.as_str(), *item)).collect();
    let b = "b.yml";
    assert_eq!(
        at,
        [
            (b, Some(1)),
            (b, Some(2)),
            (b, Some(3)),
            (b, Some(3)),
            (b, Some(3)),
            ("c.json", None),
            ("d.yaml", None),
            ("d.yaml", None)
        ]
    );
    assert!(loaded.webhooks.is_empty() && loaded.counts().is_empty());
}

#[test]
fn mw_6_a_good_file_gives_the_count_per_action() {
    let text = "webhooks:\n\
                - {name: a, action: action_failed, method: GET, url: 'http://h'}\n\
                - {name: b, action: circuits.action.completed, method: GET, url: 'http://h'}\n\
                - {name: c, action: action_failed, method: PUT, url: 'http://h'}\n";
    let counts = load_folder(&folder(&[("a.yml", text)])).counts();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [(EventKind::ActionCompleted, 1), (EventKind::ActionFailed, 2)]
    );
}

#[test]
fn mw_8_two_webhooks_with_one_name_are_both_used_with_one_warning() {
    let text = "webhooks:\n\
                - {name: twin, action: action_failed, method: GET, url: 'http://h'}\n\
                - {name: twin, action: action_failed, method: GET, url: 'http://h'}\n";
    let folder = folder(&[("a.yml", text)]);
    let loaded = load_folder(&folder);
    assert_eq!((loaded.webhooks.len(), loaded.faults.len(), loaded.warnings.len()), (2, 0, 1));
    let file = folder.path().join("a.yml");
    let file = file.display();
    assert_eq!(
        loaded.warnings[0].to_string(),
        format!("{file}, item 2 \"twin\": {file}, item 1, has the same name; both are used")
    );
}

#[test]
fn mw_9_webhooks_keep_the_order_of_paths_names_and_items() {
    let of = |names: &[&str]| {
        let item =
            |name: &&str| format!("- {{name: {name}, action: runner_ready, method: GET, url: 'http://h'}}\n");
        format!("webhooks:\n{}", names.iter().map(item).collect::<String>())
    };
    let folder = folder(&[
        ("20.yml", &of(&["c", "d"])),
        ("10.yaml", &of(&["b", "a"])),
        (
            "30.json",
            r#"{"webhooks": [{"name": "e", "action": "runner_ready", "method": "GET", "url": "http://h"}]}"#,
        ),
        ("notes.txt", "not read"),
        (".20.yml", "not read"),
    ]);
    let single = super::test_files::folder(&[("first.conf", &of(&["z"]))]);
    let loaded = load_paths(&[single.path().join("first.conf"), folder.path().to_owned()]);
    assert_eq!(loaded.faults, []);
    let names: Vec<_> = loaded.webhooks.iter().map(super::Webhook::name).collect();
    assert_eq!(names, ["z", "b", "a", "c", "d", "e"]);
}

#[test]
fn mw_14_variables_fill_url_headers_and_secret_and_are_never_shown() {
    let webhook = {
        let text = item(&[
            "name: ticket",
            "action: action_failed",
            "method: POST",
            "url: https://h/${HOOK_TOKEN}",
            "headers: {Authorization: 'Bearer ${HOOK_TOKEN}'}",
        ]);
        load_folder(&folder(&[("a.yml", &text)])).webhooks.remove(0)
    };
    assert_eq!(webhook.url().expose_secret(), "https://h/s3cret-token");
    assert_eq!(webhook.headers()["authorization"], "Bearer s3cret-token");
    assert_eq!(webhook.to_string(), "\"ticket\" (POST https://h/${HOOK_TOKEN})");
    let debug = format!("{webhook:?}{:?}{:?}", webhook.url(), webhook.headers());
    assert!(debug.contains("https://h/${HOOK_TOKEN}") && !debug.contains("s3cret"), "{debug}");
}

#[test]
fn mw_14_a_missing_variable_is_a_fault_of_the_item() {
    let lines = ["name: ticket", "action: action_failed", "method: POST", "url: https://h/${NO_SUCH}"];
    assert_eq!(
        faults(&item(&lines)),
        ["hooks.yml, item 1 \"ticket\": url: ${NO_SUCH} is missing or empty in the runner's environment; \
          set it before the start"]
    );
}

#[test]
fn what_is_not_given_has_its_default() {
    let webhook = webhook("");
    assert_eq!((webhook.timeout().as_secs(), webhook.tries(), webhook.concurrency()), (10, 8, 4));
    assert!(webhook.secret().is_none() && webhook.headers().is_empty() && !webhook.uses_callback());
    let webhook = super::test_files::webhook(
        "timeout: 1\ntries: 50\nconcurrency: 64\nsecret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
    );
    assert_eq!((webhook.timeout().as_secs(), webhook.tries(), webhook.concurrency()), (1, 50, 64));
    assert_eq!(webhook.secret().unwrap().expose_secret(), "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz");
}

#[test]
fn files_that_cannot_hold_webhooks_are_told() {
    for (text, fault) in [
        ("", "hooks.yml: the file holds no webhooks"),
        ("# nothing\n", "hooks.yml: the file holds no webhooks"),
        ("webhooks:\n", "hooks.yml: the file holds no webhooks"),
        ("- name: a\n", "hooks.yml: the file must be a mapping; write webhooks: before the list"),
        ("webhooks: {a: 1}\n", "hooks.yml: webhooks must be a list"),
        ("webhook: []\nwebhooks: []\n", "hooks.yml: \"webhook\" is not a key of the file"),
        ("webhooks:\n  - a: [\n", "line 3"),
    ] {
        let faults = faults(text);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{text}: {faults:?}");
    }
    let large = format!("# {}\nwebhooks: []\n", "x".repeat(1 << 20));
    assert!(faults(&large)[0].contains("it is larger than 1 MiB"));
}

#[test]
fn paths_that_cannot_be_read_are_told() {
    let folder = folder(&[("bad.yml", "")]);
    std::fs::write(folder.path().join("bad.yml"), b"a: 1\nb: \xff\n").unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("link.yml")).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let loaded = load_paths(&[
        PathBuf::from("/no/such/file.yml"),
        empty.path().to_owned(),
        folder.path().to_owned(),
        PathBuf::from("/dev/null"),
    ]);
    let texts: Vec<_> = loaded.faults.iter().map(|fault| fault.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "there is no such file or folder",
            "the folder holds no .yml, .yaml or .json file; put one there or name a file",
            "it is not UTF-8 text, see line 2; save it as UTF-8",
            "there is no such file or folder",
            "it is not a file"
        ]
    );
}
