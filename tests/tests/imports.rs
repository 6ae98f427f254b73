//! Definitions that come as an export of a platform: what is imported, when nothing is, and what is refused.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use circuits::Rest;
use circuits::config::Config;
use circuits::definitions::{Definitions, Plan, plan};
use circuits_sandbox::{RestFault, Sandbox};
use serde_json::{Value, json};

async fn platform() -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let rest = circuits::login(&Config::from_text(&sandbox.app_config()).unwrap(), |_| {}).await.unwrap();
    (sandbox, rest)
}

/// The definitions of a component that ships this export.
fn definitions(export: Vec<u8>) -> Definitions {
    Definitions::new().export(Vec::leak(export))
}

async fn planned(rest: &Rest, definitions: &Definitions) -> circuits::Result<Plan> {
    plan(rest, [("shipped", definitions)]).await
}

fn export() -> Vec<u8> {
    let destination = json!({"programmatic_name": "q", "name": "Q", "expect_ack": true, "destination_type": 0, "users": [77]});
    let field =
        json!({"name": "word", "text": "Word", "type_id": 6, "input_type": "text", "prefix": "properties"});
    let rule = json!({"name": "Rule", "type": 1, "object_type": "incident", "message_destinations": ["q"], "tags": ["x"]});
    let export = json!({
        "export_format_version": 2, "export_type": "ORG", "message_destinations": [destination], "fields": [field],
        "actions": [rule], "scripts": [{"name": "Script"}], "phases": [{"name": "Engage"}],
    });
    export.to_string().into_bytes()
}

fn writes(sandbox: &Sandbox) -> Vec<String> {
    let calls = sandbox.requests().into_iter().filter(|request| request.method != "GET");
    calls.map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_imported_once_and_its_destinations_can_be_read() {
    let (sandbox, rest) = platform().await;
    let definitions = definitions(export());
    let first = planned(&rest, &definitions).await.unwrap();
    let shown: Vec<_> = first.changes().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "import 4 of 4 objects that are new: message destination q, rule Rule, script Script, activity field word"
        ]
    );
    assert_eq!(writes(&sandbox), [""; 0]);
    first.apply(&rest, |_| {}).await.unwrap();
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    sandbox.fire("Rule", incident, json!({})).unwrap();
    let destination = &rest.list("/message_destinations").await.unwrap()[0];
    assert_eq!(destination["api_keys"].as_array().unwrap().len(), 1, "{destination}");
    let before = writes(&sandbox).len();
    assert!(planned(&rest, &definitions).await.unwrap().is_empty());
    assert_eq!(writes(&sandbox).len(), before);
    sandbox.allow("q", false).unwrap();
    let right = planned(&rest, &definitions).await.unwrap();
    assert_eq!(right.changes()[0].to_string(), "let this account read message destination q");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_interrupted_is_made_again() {
    let (sandbox, rest) = platform().await;
    let definitions = definitions(export());
    sandbox.faults().rest(RestFault::status("PUT", "/configurations/imports/", 403));
    let stopped =
        planned(&rest, &definitions).await.unwrap().apply(&rest, |_| {}).await.unwrap_err().to_string();
    assert!(
        stopped.contains("could not import 4 of 4 objects") && stopped.contains("cure: this account"),
        "{stopped}"
    );
    sandbox.faults().rest(RestFault::status("PUT", "/message_destinations/", 403));
    planned(&rest, &definitions).await.unwrap().apply(&rest, |_| {}).await.unwrap_err();
    let left = planned(&rest, &definitions).await.unwrap();
    assert_eq!(left.changes()[0].to_string(), "let this account read message destination q");
    left.apply(&rest, |_| {}).await.unwrap();
    assert!(planned(&rest, &definitions).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_export_is_refused_before_anything_is_sent() {
    let (sandbox, rest) = platform().await;
    let mut corrupt = export();
    corrupt.truncate(300);
    let error = planned(&rest, &definitions(corrupt)).await.unwrap_err().to_string();
    assert!(error.contains("the export of the component `shipped` cannot be used: it is no JSON"), "{error}");
    let nameless = json!({"export_format_version": 2, "functions": [{"name": "f"}, {}]}).to_string();
    let error = planned(&rest, &definitions(nameless.into())).await.unwrap_err().to_string();
    assert!(error.contains("its function number 2 in functions has no name"), "{error}");
    assert_eq!(writes(&sandbox), [""; 0]);
}

/// How many objects of each kind the platform has.
async fn counts(rest: &Rest) -> Vec<usize> {
    let mut counts = Vec::new();
    for list in ["/message_destinations", "/actions", "/functions", "/scripts", "/workflows"] {
        counts.push(rest.list(list).await.unwrap().len());
    }
    counts.push(rest.get::<Value>("/types").await.unwrap().as_object().unwrap().len());
    for kind in ["incident", "actioninvocation", "__function"] {
        counts.push(rest.list(&format!("/types/{kind}/fields")).await.unwrap().len());
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_exports_of_every_version_go_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/exports");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: no ../shared/data");
        return;
    };
    println!(
        "destinations, rules, functions, scripts, workflows, types, incident fields, activity fields, inputs"
    );
    for file in files {
        let file = file.unwrap();
        let (_sandbox, rest) = platform().await;
        let definitions = definitions(std::fs::read(file.path()).unwrap());
        let before = counts(&rest).await;
        let first = planned(&rest, &definitions).await.unwrap();
        let new = first.changes()[0].count();
        first.apply(&rest, |_| {}).await.unwrap();
        let after = counts(&rest).await;
        let again = planned(&rest, &definitions).await.unwrap();
        assert!(again.is_empty(), "{:?}: {:?}", file.file_name(), again.changes());
        let created: usize = after.iter().sum::<usize>() - before.iter().sum::<usize>();
        println!("{:?}: {before:?} became {after:?}, {new} new", file.file_name());
        assert_eq!(created, new, "{:?}", file.file_name());
    }
}
