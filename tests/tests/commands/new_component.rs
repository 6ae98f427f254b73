//! `circuits new`: the new component compiles without a warning, and its test passes.

use std::path::{Path, PathBuf};
use std::process::Command;

use circuits_sandbox::{Rule, Sandbox};
use circuits_tests::command::{Place, said};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

fn project() -> PathBuf {
    std::fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// Runs a cargo command there; it reuses the files that the project's own build has left.
fn cargo(directory: &Path, command: &str, arguments: &[&str]) {
    // This binary is in target/debug/deps.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([command, "--offline", "--config", "profile.dev.debug='line-tables-only'"]);
    cargo.args(["--config", "profile.dev.package.'*'.debug=false"]).args(arguments);
    let output = cargo.current_dir(directory).env("CARGO_TARGET_DIR", target).output().unwrap();
    said(&output).is(0, &[]);
}

fn make(place: &Place, arguments: &[&str]) {
    let root = project();
    let new = ["new", "--framework", root.to_str().unwrap()];
    place.run(&[&new, arguments].concat()).is(0, &["Made ", "Next: cd "]);
}

#[test]
fn a_new_component_compiles_without_a_warning_and_its_test_passes() {
    let place = Place::new(BINARY);
    make(&place, &["open-ticket"]);
    let export = json!({
        "export_format_version": 2,
        "message_destinations": [
            {"programmatic_name": "tickets", "name": "Tickets"}, {"programmatic_name": "other", "name": "Other"},
        ],
        "fields": [
            {"name": "due-date", "uuid": "f-1", "type_id": 6, "input_type": "datepicker", "text": "Due"},
            {"name": "type", "uuid": "f-2", "type_id": 6, "input_type": "text", "text": "Type"},
            {"name": "Level", "uuid": "f-3", "type_id": 11, "input_type": "select", "text": "Level",
             "values": [{"label": "Low", "value": 7}]},
        ],
        "actions": [
            {"name": "Open \"ticket\" (v2)", "type": 1, "object_type": "incident", "message_destinations": ["tickets"],
             "view_items": [{"element": "field", "content": "f-1"}, {"element": "field", "content": "f-2"}]},
            {"name": "open-ticket V2", "type": 0, "object_type": "artifact", "message_destinations": ["tickets"]},
            {"name": "Elsewhere", "type": 1, "object_type": "incident", "message_destinations": ["other"]},
            {"name": "Script only", "type": 1, "object_type": "incident", "message_destinations": []},
        ],
        "functions": [
            {"name": "find_owner", "display_name": "Find", "uuid": "g-1", "export_key": "find_owner", "destination_handle": "tickets",
             "view_items": [{"element": "field_uuid", "content": "f-3"}]},
            {"name": "ping", "display_name": "Ping", "uuid": "g-2", "export_key": "ping", "destination_handle": "other", "view_items": []},
        ],
    });
    let rule = |name: &str| {
        json!({"name": name, "type": 1, "object_type": "incident", "message_destinations": ["looks"],
            "view_items": [{"element": "field", "content": "due-date"}, {"element": "field", "content": "due_date"}]})
    };
    let function = |name: &str| {
        json!({"name": name, "export_key": name, "display_name": name, "destination_handle": "looks",
            "view_items": [{"element": "field_uuid", "content": "f-3"}]})
    };
    let field = |name: &str| json!({"name": name, "type_id": 6, "input_type": "text", "text": name});
    let alike = json!({
        "export_format_version": 2,
        "message_destinations": [{"programmatic_name": "looks", "name": "Looks"}],
        "fields": [field("due-date"), field("due_date"),
            {"name": "2nd type", "uuid": "f-3", "type_id": 11, "input_type": "text", "text": "Type"}],
        "actions": [rule("lookup 2"), rule("Lookup2 "), rule("\u{202e}\u{30c1}"), rule("self"), rule("2")],
        "functions": [function("lookup_2"), function("lookup2"), function("lookup_22"), function("match")],
    });
    place.write("alike.res", &alike.to_string());
    // Its struct would have a name that the code already uses.
    make(&place, &["action", "--from", "alike.res"]);
    place.write("export.res", &export.to_string());
    make(&place, &["from_export", "--from", "export.res"]);
    make(&place, &["pinger", "--from", "export.res", "--destination", "other", "--function", "ping"]);
    for name in ["open-ticket", "from_export", "pinger", "action"] {
        let directory = place.path(name);
        std::fs::copy(project().join("Cargo.lock"), directory.join("Cargo.lock")).unwrap();
        cargo(&directory, "clippy", &["--all-targets", "--", "-D", "warnings"]);
        cargo(&directory, "test", &[]);
    }
    let source = place.read("from_export/src/lib.rs");
    for part in [
        "fn open_ticket_v2(",
        "fn open_ticket_v2_2(",
        "due_date: Option<i64>",
        "rename = \"due-date\"",
        "fn find_owner(",
        "struct FindOwnerInputs",
        "level: Option<String>",
    ] {
        assert!(source.contains(part), "{part:?} is not in:\n{source}");
    }
    assert!(!source.contains("Elsewhere") && !source.contains("ping"), "{source}");
    let source = place.read("pinger/src/lib.rs");
    assert!(source.contains(".function(\"ping\"") && !source.contains(".on("), "{source}");
    let kept: Value = serde_json::from_str(&place.read("pinger/src/export.res")).unwrap();
    let names: Vec<_> = kept["functions"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!((names, kept["actions"].as_array().unwrap().len()), (vec![&json!("ping")], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_has_is_taken_up() {
    let rule = Rule::menu_item("Escalate").to("desk");
    let sandbox =
        Sandbox::builder().rule(rule).rule(Rule::menu_item("Other").to("else")).start().await.unwrap();
    let place = Place::on(BINARY, &sandbox);
    make(&place, &["desk", "--from-platform", "--destination", "desk"]);
    let (source, export) = (place.read("desk/src/lib.rs"), place.read("desk/src/export.res"));
    assert!(source.contains(".on(\"Escalate\", Desk::escalate)"), "{source}");
    assert!(
        export.contains("Escalate") && !export.contains("Other") && !export.contains("custom1"),
        "{export}"
    );
    let root = project();
    let new = |arguments: &[&str]| {
        place.run(&[&["new", "x", "--framework", root.to_str().unwrap()], arguments].concat())
    };
    new(&["--from-platform"]).is(2, &["--rule", "--function", "--destination"]);
    new(&["--from-platform", "--rule", "Nothing"])
        .is(1, &["the configuration of localhost cannot be used", "no rule \"Nothing\""]);
    new(&["--from-platform", "--function", "nothing"]).is(1, &["no function \"nothing\""]);
}

#[test]
fn what_cannot_be_made_is_told() {
    let place = Place::new(BINARY);
    let root = project();
    let framework = ["new", "--framework", root.to_str().unwrap()];
    let new = |arguments: &[&str]| place.run(&[&framework, arguments].concat());
    new(&["Ticket"]).is(1, &["begins with a lower-case letter"]);
    new(&["ticket", "--rule", "x"]).is(2, &["--from"]);
    place.run(&["new", "ticket"]).is(1, &["no framework/circuits above this folder", "--framework"]);
    place.run(&["new", "ticket", "--framework", "."]).is(1, &["holds no framework/circuits"]);
    place.write("broken.res", "{");
    new(&["ticket", "--from", "broken.res"]).is(1, &["broken.res cannot be used", "not JSON"]);
    new(&["ticket", "--from", "missing.res"]).is(1, &["reading missing.res"]);
    let bare =
        json!({"export_format_version": 2, "functions": [{"name": "look_up", "destination_handle": "q"}]});
    place.write("bare.res", &bare.to_string());
    new(&["ticket", "--from", "bare.res"]).is(
        1,
        &["bare.res cannot be used", "its function look_up has no export_key, by which platforms recognise"],
    );
    place.write("empty.res", &json!({"export_format_version": 2}).to_string());
    new(&["ticket", "--from", "empty.res"])
        .is(1, &["no rule and no function in it sends to a message destination"]);
    new(&["ticket", "--from", "empty.res", "--rule", "Open"]).is(1, &["it has no rule \"Open\""]);
    new(&["ticket", "--from", "empty.res", "--destination", "q"]).is(1, &["message destination `q`"]);
    std::fs::create_dir_all(place.path("full/src")).unwrap();
    new(&["ticket", "full"]).is(1, &["is there already and not empty"]);
}
