//! Every form of an export, and the errors about broken ones.

use std::io::Write as _;

use super::*;

fn export() -> Value {
    json!({
        "export_format_version": 2,
        "message_destinations": [{"programmatic_name": "q", "name": "Q", "tags": [{"tag_handle": "x"}]}],
        "actions": [{"name": "Rule", "automations": [{"tags": ["deep"]}]}],
        "types": [],
        "functions": null,
        "fields": [
            {"name": "creator_id", "type_id": 0, "prefix": null},
            {"name": "own", "type_id": 0, "prefix": "properties"},
            {"name": "word", "type_id": 6},
            {"name": "elsewhere", "type_id": 1000},
            {"name": "status", "type_id": 1, "prefix": null},
        ],
        "tags": [{"name": "x"}],
        "phases": [{"name": "Engage"}],
        "roles": [{"export_key": "boss", "name": "Boss"}],
        "geos": null,
    })
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn all_forms_are_the_same_export() {
    let text = export().to_string();
    let plain = Export::read(text.as_bytes()).unwrap();
    let archive = zipped(&[("a/export.res", text.as_bytes())]);
    let wrapped = STANDARD.encode(&text).chars().enumerate().fold(String::new(), |mut lines, (at, c)| {
        if at % 60 == 0 {
            lines.push('\n');
        }
        lines.push(c);
        lines
    });
    for other in [
        format!("\u{feff}{text}").into_bytes(),
        format!("\n {text}\n").into_bytes(),
        archive.clone(),
        wrapped.into_bytes(),
        STANDARD.encode(archive).into_bytes(),
    ] {
        assert_eq!(Export::read(&other).unwrap(), plain);
    }
    let named: Vec<_> = plain.objects().map(|object| format!("{} {}", object.kind, object.name)).collect();
    assert_eq!(
        named,
        [
            "message destination q",
            "rule Rule",
            "incident field own",
            "activity field word",
            "type 1000 field elsewhere"
        ]
    );
    let all: Vec<_> = plain.all().into_iter().map(|(kind, name)| format!("{kind} {name}")).collect();
    assert_eq!(all[named.len()..], ["phase Engage", "role boss"]);
    let mut other = export();
    other["fields"][2]["values"] = json!([{"label": "theirs"}]);
    let platform = Export::read(other.to_string().as_bytes()).unwrap();
    let mut mine = export();
    mine["fields"][2]["values"] = json!([{"label": "mine"}]);
    let mut mine = Export::read(mine.to_string().as_bytes()).unwrap();
    mine.keep_choices_of(&platform);
    let kept = mine.find("activity field", "word").unwrap();
    assert_eq!(kept["values"], json!([{"label": "mine"}, {"label": "theirs"}]));
    let sent = plain.document().to_string();
    assert!(!sent.contains("tag_handle") && !sent.contains("deep"), "{sent}");
}

#[test]
fn what_is_broken_is_named() {
    let with = |key: &str, value: Value| {
        let mut export = export();
        export[key] = value;
        export.to_string().into_bytes()
    };
    for (bytes, part) in [
        (b"".to_vec(), "it is not JSON"),
        (b"once upon a time".to_vec(), "neither JSON (.res) nor a zip"),
        (b"{\"export_format_version\": 2".to_vec(), "not JSON: EOF"),
        (b"{}".to_vec(), "export_format_version is null"),
        (with("export_format_version", json!(3)), "export_format_version is 3"),
        (with("actions", json!({"name": "x"})), "its actions are not a list"),
        (with("actions", json!([{"name": "x"}, {"nom": "y"}])), "rule number 2 in actions has no name"),
        (
            with("functions", json!([{"name": "f", "export_key": "f"}, {"name": "g"}])),
            "its function g has no export_key",
        ),
        (with("fields", json!([1])), "field number 1 in fields has no name"),
        (b"PK\x03\x04 and no more".to_vec(), "broken zip archive"),
        (zipped(&[("readme.txt", b"x")]), "holds 0 files *.res"),
        (zipped(&[("a.res", b"{}"), ("b.res", b"{}")]), "holds 2 files *.res"),
    ] {
        let error = Export::read(&bytes).unwrap_err().to_string();
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}
