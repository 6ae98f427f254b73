//! `circuits customize`: the plan, the prompt, the changes, and what happens when they are interrupted half-way.

use circuits::config::Config;
use circuits_sandbox::{RestFault, Rule, Sandbox};
use circuits_tests::command::Place;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

const PLAN: [&str; 6] = [
    "probe:\n",
    "  create message destination probe\n",
    "  create activity field probe_word\n",
    "  create incident field probe_seen\n",
    "  create rule Echo\n",
    "  create rule Fail\n",
];

async fn empty_platform() -> (Sandbox, Place) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let place = Place::on(BINARY, &sandbox);
    (sandbox, place)
}

/// The calls that change something.
fn writes(sandbox: &Sandbox) -> Vec<String> {
    let calls = sandbox.requests().into_iter().filter(|request| request.method != "GET");
    calls.map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_first_then_one_line_for_each_object_then_nothing() {
    let (sandbox, place) = empty_platform().await;
    let planned = place.run(&["customize", "--dry-run"]);
    planned.is(0, &PLAN);
    assert!(!planned.out.contains("done"), "{planned:?}");
    place.run(&["customize"]).is(1, &["Create 5 objects on localhost:", "There is no terminal", "-y"]);
    assert_eq!(writes(&sandbox), Vec::<String>::new());

    let done = place.run(&["customize", "-y"]);
    done.is(0, &PLAN);
    let shown = |start| -> Vec<_> { done.out.lines().filter_map(|line| line.strip_prefix(start)).collect() };
    assert_eq!(shown("done  "), shown("  "), "the plan and the deed are the same: {}", done.out);
    place.run(&["selftest"]).is(0, &["ok        subscription actions.201.probe"]);

    let before = writes(&sandbox);
    let again = place.run(&["customize", "-l", "probe"]);
    again.is(0, &["probe: nothing to do", "Nothing to do: the platform has everything"]);
    assert_eq!(writes(&sandbox), before);
    sandbox.allow("probe", false).unwrap();
    let right = place.run(&["customize", "-y"]);
    right.is(0, &["  let this account read message destination probe", "done  let this account read"]);
    place.run(&["selftest"]).is(0, &["ok        subscription actions.201.probe"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_half_way_the_next_run_does_the_rest() {
    let (sandbox, place) = empty_platform().await;
    sandbox.faults().rest(RestFault::status("POST", "/types/incident/fields", 403));
    let stopped = place.run(&["customize", "-y"]);
    stopped.is(
        1,
        &[
            "done  create activity field probe_word",
            "could not create incident field probe_seen",
            "403",
            "cure: this account may not do that",
        ],
    );
    let rest = place.run(&["customize", "-y"]);
    rest.is(0, &["  create incident field probe_seen", "done  create rule Echo", "done  create rule Fail"]);
    assert!(!rest.out.contains("probe_word"), "{}", rest.out);
    place.run(&["customize"]).is(0, &["Nothing to do"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_without_its_reader_is_finished_too() {
    let (sandbox, place) = empty_platform().await;
    sandbox.faults().rest(RestFault::status("PUT", "/message_destinations/", 403));
    let stopped = place.run(&["customize", "-y"]);
    stopped.is(1, &["could not create message destination probe", "cure: this account"]);
    place.run(&["customize", "-y"]).is(0, &["let this account read message destination probe"]);
    place.run(&["selftest"]).is(0, &["ok        subscription actions.201.probe"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_known_is_an_error_before_anything_is_sent() {
    let (sandbox, place) = empty_platform().await;
    sandbox.faults().rest(RestFault::status("GET", "/actions", 403));
    place.run(&["customize", "-y"]).is(1, &["could not list the rules", "403"]);
    place.run(&["customize", "-y", "-l", "nobody"]).is(1, &["`nobody` is not a linked component"]);
    place.run(&["customize", "-y", "--api-key-secret", "wrong"]).is(25, &["api_key"]);
    assert_eq!(writes(&sandbox), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_shown_and_changed_when_asked_for() {
    let (sandbox, place) = empty_platform().await;
    place.run(&["customize", "-y"]).is(0, &[]);
    let rest = circuits::login(&Config::from_text(&sandbox.app_config()).unwrap(), |_| {}).await.unwrap();
    let echo = rest.list("/actions").await.unwrap().into_iter().find(|rule| rule["name"] == "Echo").unwrap();
    let path = format!("/actions/{}", echo["id"]);
    rest.update(&path, |rule| rule["enabled"] = json!(false)).await.unwrap();
    let before = writes(&sandbox);
    place.run(&["customize"]).is(
        0,
        &[
            "  differs: rule Echo is disabled, so it never fires",
            "Nothing to create. What differs stays",
            "--update",
        ],
    );
    let planned = place.run(&["customize", "--update", "--dry-run"]);
    planned.is(0, &["  change rule Echo", "  differs: rule Echo is disabled"]);
    let planned = place.run(&["customize", "--update", "--dry-run", "--json"]);
    let planned: Value = serde_json::from_str(&planned.out).unwrap();
    assert_eq!((&planned[0]["object"], &planned[0]["problem"]), (&json!("rule Echo"), &json!("different")));
    place.run(&["customize", "--json"]).is(2, &["--drift", "--dry-run"]);
    place.run(&["customize", "--update"]).is(1, &["Change 1 object on localhost:", "-y"]);
    assert_eq!(writes(&sandbox), before);
    place.run(&["customize", "--update", "-y"]).is(0, &["done  change rule Echo"]);
    place.run(&["customize", "--update"]).is(0, &["probe: nothing to do", "Nothing to do"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_what_is_missing_and_what_differs() {
    let task_rule = Rule::menu_item("Echo").on_task().to("other");
    let sandbox = Sandbox::builder().destination("other").rule(task_rule).start().await.unwrap();
    let place = Place::on(BINARY, &sandbox);
    let drift = place.run(&["customize", "--drift"]);
    drift.is(
        4,
        &[
            "  create rule Fail",
            "differs: rule Echo acts on another type of object",
            "differs: rule Echo does not send to `probe`",
        ],
    );
    assert_eq!(writes(&sandbox), Vec::<String>::new());
    place.run(&["customize", "-y"]).is(0, &["done  create rule Fail", "differs: rule Echo does not send"]);
    let drift = place.run(&["customize", "--drift", "--json"]);
    assert_eq!(drift.code, 4, "{}", drift.err);
    let drift: Value = serde_json::from_str(&drift.out).unwrap();
    let told = |index: usize, key: &str| drift[index][key].as_str().unwrap_or_default();
    assert_eq!(
        (told(0, "component"), told(0, "object"), told(0, "problem")),
        ("probe", "rule Echo", "different")
    );
    assert_eq!(drift.as_array().unwrap().len(), 2);

    let (_sandbox, place) = empty_platform().await;
    place.run(&["customize", "-y"]).is(0, &[]);
    place.run(&["customize", "--drift"]).is(0, &["probe: nothing to do", "No drift"]);
    place.run(&["customize", "--drift", "-y"]).is(2, &["cannot be used with"]);
    place.run(&["customize", "--drift", "--api-key-secret", "wrong"]).is(25, &[]);
}
