//! Definitions that come as an export of a platform: what is imported, when nothing is imported, and what is refused.

use std::path::Path;

use circuits::Rest;
use circuits::config::Config;
use circuits::definitions::Definitions;
use circuits_deploy::{Plan, plan};
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
        "actions": [rule], "scripts": [{"name": "Script"}], "phases": [{"name": "Settle"}],
    });
    export.to_string().into_bytes()
}

fn writes(sandbox: &Sandbox) -> Vec<String> {
    let calls = sandbox.requests().into_iter().filter(|request| request.method != "GET");
    calls
        .filter(|request| !request.path.contains("/configurations/exports"))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
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
            "import 5 of 5 objects that are new: message destination q, script Script, rule Rule, activity field word, \
             phase Settle"
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
        stopped.contains("could not import 5 of 5 objects") && stopped.contains("cure: this account"),
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
    assert!(
        error.contains("the export of the component `shipped` cannot be used: it is not JSON"),
        "{error}"
    );
    let nameless = json!({"export_format_version": 2, "functions": [{"name": "f"}, {}]}).to_string();
    let error = planned(&rest, &definitions(nameless.into())).await.unwrap_err().to_string();
    assert!(error.contains("its function number 2 in functions has no name"), "{error}");
    let bare = json!({"export_format_version": 2, "functions": [{"name": "f"}]}).to_string();
    let error = planned(&rest, &definitions(bare.into())).await.unwrap_err().to_string();
    assert!(error.contains("its function f has no export_key"), "{error}");
    assert_eq!(writes(&sandbox), [""; 0]);
}

/// How many objects the platform has of each kind that an import can bring.
async fn counts(rest: &Rest) -> Vec<usize> {
    let export = circuits_deploy::download(rest).await.unwrap();
    let all = |kind: &str| export[kind].as_array().into_iter().flatten();
    let fields = |id: i64| {
        // Fields that every platform has do not count.
        all("fields")
            .filter(move |one| one["type_id"] == id && (id != 0 || one["prefix"] == "properties"))
            .count()
    };
    // Platforms recognise exports of single objects by such an incident type.
    let objects = |kind: &str| {
        all(kind).filter(|one| one.is_object() && one["name"] != "Customization Packages (internal)").count()
    };
    let kinds = export.as_object().unwrap().keys().filter(|kind| *kind != "fields");
    let kinds: std::collections::BTreeSet<_> = kinds.collect();
    kinds.into_iter().map(|kind| objects(kind)).chain([0, 6, 11].map(fields)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_exports_of_every_version_go_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/exports");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: no ../shared/data");
        return;
    };
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
        assert_eq!(again.differences(), [], "{:?}", file.file_name());
        let created: usize = after.iter().sum::<usize>() - before.iter().sum::<usize>();
        println!("{:?}: {new} new; {:?}", file.file_name(), again.notes());
        assert_eq!(created, new, "{:?}", file.file_name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_several_megabytes_goes_through() {
    let (_sandbox, rest) = platform().await;
    let script =
        |number: usize| json!({"name": format!("Script {number}"), "script_text": "# a line\n".repeat(300)});
    let export =
        json!({"export_format_version": 2, "scripts": (0..3000).map(script).collect::<Vec<_>>()}).to_string();
    assert!(export.len() > 8_000_000, "{}", export.len());
    let definitions = definitions(export.into_bytes());
    let first = planned(&rest, &definitions).await.unwrap();
    assert_eq!(first.changes()[0].count(), 3000);
    first.apply(&rest, |_| {}).await.unwrap();
    let again = planned(&rest, &definitions).await.unwrap();
    assert!(again.is_empty() && again.differences().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_line_by_line_and_imported_again_when_asked_for() {
    let (sandbox, rest) = platform().await;
    let script = |text: &str| {
        json!({"export_format_version": 2, "scripts": [
            {"name": "Note", "programmatic_name": "note", "language": "python3", "object_type": "incident", "script_text": text},
        ]})
    };
    let mine = definitions(script("a\nb\nc").to_string().into_bytes());
    let theirs = definitions(script("a\nx\nc").to_string().into_bytes());
    planned(&rest, &theirs).await.unwrap().apply(&rest, |_| {}).await.unwrap();
    let plan = planned(&rest, &mine).await.unwrap();
    assert!(plan.is_empty());
    let told: Vec<_> = plan.differences().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("script Note has other text") && told[0].contains("\n-x\n+b\n"), "{told:?}");
    let before = writes(&sandbox).len();
    plan.with_updates().apply(&rest, |_| {}).await.unwrap();
    assert_eq!(writes(&sandbox)[before..].len(), 2);
    let again = planned(&rest, &mine).await.unwrap().with_updates();
    assert!(again.is_empty() && again.differences().is_empty(), "{again:?}");
}

/// The exports of two versions; the second has `next` in addition.
fn versions(first: Value, next: &Value) -> (Definitions, Definitions) {
    let mut head = json!({"export_format_version": 2, "message_destinations": [{"programmatic_name": "q", "name": "Q"}]});
    let mut lay = |part: &Value| {
        for (key, value) in part.as_object().unwrap() {
            head[key] = value.clone();
        }
        definitions(head.to_string().into_bytes())
    };
    (lay(&first), lay(next))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_next_version_of_an_export_adds_is_imported() {
    let object = |name: &str| json!({"export_key": name, "name": name, "uuid": name});
    let column = |name: &str| json!({"name": name, "text": name, "input_type": "text"});
    let table = |columns: &[&str]| {
        let fields: serde_json::Map<_, _> =
            columns.iter().map(|name| ((*name).to_owned(), column(name))).collect();
        json!({"types": [{"type_name": "people", "display_name": "People", "fields": fields}]})
    };
    let playbook = |scripts: Value, inputs: Value| {
        json!({"playbooks": [{"name": "p", "display_name": "P", "local_scripts": scripts,
            "fields_type": {"type_name": "t", "fields": inputs}}]})
    };
    let field = |id: i64, name: &str| {
        json!({"name": name, "export_key": format!("task/{name}"), "type_id": id,
        "input_type": "text", "text": name})
    };
    let mut cases = vec![
        (table(&["name"]), table(&["name", "town"]), "column town of data table people"),
        (
            playbook(json!([]), json!({})),
            playbook(json!([object("s")]), json!({})),
            "local script s of playbook p",
        ),
        (
            playbook(json!([]), json!({})),
            playbook(json!([]), json!({"word": column("word")})),
            "input word of playbook p",
        ),
        (json!({}), json!({"fields": [field(1, "cost")]}), "task field cost"),
        (json!({}), json!({"fields": [field(6, "cost")]}), "activity field cost"),
        (json!({}), json!({"fields": [field(1000, "cost")]}), "task field cost"),
    ];
    for (list, kind) in [
        ("incident_artifact_types", "artifact type"),
        ("incident_types", "incident type"),
        ("phases", "phase"),
        ("automatic_tasks", "task template"),
        ("workspaces", "workspace"),
        ("roles", "role"),
        ("layouts", "layout"),
        ("notifications", "notification"),
        ("geos", "geo"),
    ] {
        let label: &str = String::leak(format!("{kind} new one "));
        cases.push((
            json!({list: [object("old")]}),
            json!({list: [object("old"), object("new one ")]}),
            label,
        ));
    }
    for (first, next, label) in cases {
        let (_sandbox, rest) = platform().await;
        let (first, next) = versions(first, &next);
        planned(&rest, &first).await.unwrap().apply(&rest, |_| {}).await.unwrap();
        assert!(planned(&rest, &first).await.unwrap().is_empty(), "{label}");
        let plan = planned(&rest, &next).await.unwrap();
        let shown: Vec<_> = plan.changes().iter().map(ToString::to_string).collect();
        assert!(shown.len() == 1 && shown[0].ends_with(&format!(" new: {label}")), "{label:?}: {shown:?}");
        assert_eq!((plan.changes()[0].count(), plan.changes()[0].creates()), (1, true), "{label}");
        assert_eq!(plan.differences(), [], "{label}");
        plan.apply(&rest, |_| {}).await.unwrap();
        let again = planned(&rest, &next).await.unwrap();
        assert!(again.is_empty() && again.differences().is_empty(), "{label}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_told() {
    let (_sandbox, rest) = platform().await;
    let (first, next) = versions(
        json!({"phases": [{"name": "Engage"}], "switches": {"on": true}}),
        &json!({"switches": {"on": false}}),
    );
    planned(&rest, &first).await.unwrap().apply(&rest, |_| {}).await.unwrap();
    let plan = planned(&rest, &next).await.unwrap();
    let told: Vec<_> = plan.notes().iter().map(|note| (note.component(), note.to_string())).collect();
    assert!(plan.is_empty());
    assert_eq!(
        told,
        [
            ("shipped", "not compared: its switches: these are not objects with a name or a key".to_owned()),
            ("shipped", "not compared: the contents of each phase".to_owned()),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_kept_with_the_blanks_at_their_ends() {
    let (sandbox, rest) = platform().await;
    let rule =
        json!({"name": "Run Query ", "type": 1, "object_type": "incident", "message_destinations": ["q"]});
    let field = json!({"name": "word ", "text": " Word ", "type_id": 6, "input_type": "text"});
    let function = json!({"name": "look up ", "export_key": "look up ", "display_name": " Look up "});
    let (mine, _) =
        versions(json!({"actions": [rule], "fields": [field], "functions": [function]}), &json!({}));
    planned(&rest, &mine).await.unwrap().apply(&rest, |_| {}).await.unwrap();
    let again = planned(&rest, &mine).await.unwrap();
    assert!(again.is_empty() && again.differences().is_empty(), "{again:?}");
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    sandbox.fire("Run Query ", incident, json!({})).unwrap();
    sandbox.fire("Run Query", incident, json!({})).unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_takes_no_choice_away() {
    let (_sandbox, rest) = platform().await;
    let field = |labels: &[&str]| {
        let values: Vec<_> = labels.iter().map(|label| json!({"label": label, "enabled": true})).collect();
        let field = json!({"name": "colour", "text": "Colour", "type_id": 6, "input_type": "select", "values": values});
        definitions(json!({"export_format_version": 2, "fields": [field]}).to_string().into_bytes())
    };
    planned(&rest, &field(&["red", "blue"])).await.unwrap().apply(&rest, |_| {}).await.unwrap();
    let mine = field(&["red", "green"]);
    let plan = planned(&rest, &mine).await.unwrap();
    let shown = plan.changes()[0].to_string();
    assert!(shown.contains("choices that are new: \"green\" of activity field colour"), "{shown}");
    plan.apply(&rest, |_| {}).await.unwrap();
    let fields = rest.list("/types/actioninvocation/fields").await.unwrap();
    let labels: Vec<_> =
        fields[0]["values"].as_array().unwrap().iter().map(|value| value["label"].clone()).collect();
    assert_eq!(labels, ["red", "green", "blue"]);
    assert!(planned(&rest, &mine).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_exports_nothing_to_this_account_is_told() {
    let (sandbox, rest) = platform().await;
    sandbox.faults().rest(RestFault::status("POST", "/configurations/exports", 403));
    let error = planned(&rest, &definitions(export())).await.unwrap_err().to_string();
    assert!(
        error.contains("could not export the platform's configuration")
            && error.contains("the permission to export settings"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_end_in_a_blank_are_imported_once() {
    let (sandbox, rest) = platform().await;
    let export = json!({
        "export_format_version": 2, "message_destinations": [{"programmatic_name": "q", "name": "Q ", "destination_type": 0}],
        "fields": [{"name": "word", "text": "Word ", "type_id": 6, "input_type": "text", "prefix": "properties"}],
        "actions": [{"name": "Run Query ", "type": 1, "object_type": "incident", "message_destinations": ["q"],
            "conditions": [], "export_key": "Run Query "}],
        "scripts": [{"name": "Script "}],
    });
    let definitions = definitions(export.to_string().into_bytes());
    planned(&rest, &definitions).await.unwrap().apply(&rest, |_| {}).await.unwrap();
    let again = planned(&rest, &definitions).await.unwrap();
    assert!(again.is_empty(), "{:?}", again.changes());
    assert_eq!(again.differences(), []);
    let incident = sandbox.create_incident(json!({"name": "x", "discovered_date": 0})).unwrap();
    sandbox.fire("Run Query ", incident, json!({})).unwrap();
}
