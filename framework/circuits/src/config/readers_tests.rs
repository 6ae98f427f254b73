//! Every setting has a reader: a key that is read, checked and shown, and that nothing obeys, is worse than an unknown one.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

/// The fields of `Settings`, from its source.
fn fields() -> Vec<String> {
    let source = include_str!("settings.rs");
    let (_, body) = source.split_once("pub struct Settings {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
    lines.map(|(name, _)| name.to_owned()).collect()
}

/// The sources outside this module, without their tests and without white space.
fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !path.ends_with("circuits/src/config") && name != "tests" && name != "target" {
            sources(&path, texts);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            texts.push(code.split_whitespace().collect());
        }
    }
}

/// Whether a source takes this field from settings: `settings.port`, `config.settings().port`, or a method of the settings
/// that goes by it.
fn is_read(field: &str, texts: &[String]) -> bool {
    let names: &[&str] = match field {
        "stomp_prefetch_limit" => &["prefetch("],
        // Each endpoint of `stomp_hosts` has it already.
        "stomp_port" => &["stomp_hosts"],
        other => &[other],
    };
    let reads = |text: &String, start: &str, name: &str| {
        text.match_indices(&format!("{start}.{name}")).any(|(at, found)| {
            let next = text[at + found.len()..].chars().next();
            name.ends_with('(') || !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    };
    texts
        .iter()
        .any(|text| names.iter().any(|name| reads(text, "settings", name) || reads(text, "settings()", name)))
}

#[test]
fn every_setting_is_read_outside_the_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    for folder in [
        "framework/circuits/src",
        "framework/circuits-accounts/src",
        "framework/circuits-events/src",
        "framework/circuits-http/src",
        "tools/circuits/src",
    ] {
        sources(&root.join(folder), &mut texts);
    }
    let fields = fields();
    assert!(fields.len() > 40 && texts.len() > 40, "{} fields, {} files", fields.len(), texts.len());
    let unread: Vec<_> = fields.iter().filter(|field| !is_read(field, &texts)).collect();
    assert!(unread.is_empty(), "these settings have no effect: {unread:?}");
}

#[test]
fn a_setting_that_nothing_reads_is_found() {
    let texts = ["letport=settings.port;config.settings().stomp_timeout".to_owned()];
    assert!(is_read("port", &texts) && is_read("stomp_timeout", &texts));
    for unread in ["stomp", "stomp_time", "por", "host"] {
        assert!(!is_read(unread, &texts), "{unread}");
    }
}
