//! A component's own struct out of its section, and what its author's user is told when the section is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use serde::Deserialize;

use crate::config::{Config, ConfigError};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Fast,
    VerySlow,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Lookup {
    reference_file: String,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    limits: Vec<u16>,
    rows: Option<u32>,
    note: Option<String>,
    #[serde(default)]
    strict: bool,
    #[serde(default = "half")]
    ratio: f64,
    mode: Option<Mode>,
    #[serde(default, alias = "colour")]
    color: String,
    #[serde(default)]
    api_token: Option<u32>,
}

fn half() -> f64 {
    0.5
}

const RUNNER: &str = "[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s3cret\n";

fn lookup(section: &str) -> Result<Lookup, ConfigError> {
    let config = Config::from_text(&format!("{RUNNER}{section}")).unwrap();
    config.section_or_empty("lookup").settings()
}

fn fault(section: &str) -> String {
    lookup(section).unwrap_err().to_string()
}

#[test]
fn texts_become_what_the_fields_want() {
    let section = "[lookup]
queue = filelookup
reference_file = sample.csv
columns = a, b,
    c
limits = 1,2
rows = 7
note =
strict = Yes
mode = very_slow
colour = red
";
    let expected = Lookup {
        reference_file: "sample.csv".to_owned(),
        columns: ["a", "b", "c"].map(str::to_owned).to_vec(),
        limits: vec![1, 2],
        rows: Some(7),
        note: None,
        strict: true,
        ratio: 0.5,
        mode: Some(Mode::VerySlow),
        color: "red".to_owned(),
        api_token: None,
    };
    assert_eq!(lookup(section).unwrap(), expected);
}

#[test]
fn a_wrong_value_names_its_place_and_what_is_allowed() {
    let with = |line: &str| fault(&format!("[lookup]\nreference_file=x\n{line}\n"));
    assert_eq!(
        with("rows = many"),
        "app.config:7: [lookup] `rows` = `many`: must be a whole number from 0 to 4294967295"
    );
    assert_eq!(
        with("strict = perhaps"),
        "app.config:7: [lookup] `strict` = `perhaps`: must be true or false"
    );
    assert_eq!(with("mode = slow"), "app.config:7: [lookup] `mode` = `slow`: must be one of fast, very_slow");
    assert_eq!(
        with("limits = 1,70000"),
        "app.config:7: [lookup] `limits` = `1,70000`: must be a whole number from 0 to 65535"
    );
}

#[test]
fn a_secret_value_is_not_shown() {
    let text = fault("[lookup]\nreference_file=x\napi_token = hunter2\n");
    assert_eq!(text, "app.config:7: [lookup] `api_token` = `***`: is not valid");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let text = fault("[lookup]\nrefrence_file=x\nzzz=1\n");
    assert_eq!(
        text,
        "2 faults in the configuration:
  app.config:6: [lookup] `refrence_file` is not a key of this section; did you mean `reference_file`?
  app.config:7: [lookup] `zzz` is not a key of this section"
    );
}

#[test]
fn inherited_keys_need_no_field() {
    assert!(lookup("[DEFAULT]\nanything=1\n[lookup]\nreference_file=x\nui_lock=true\n").is_ok());
}

#[test]
fn what_is_missing_is_named_with_the_place_to_add_it() {
    assert_eq!(
        fault("[lookup]\nrows=1\n"),
        "app.config:5: [lookup] `reference_file` is missing; add `reference_file=...` to the section"
    );
    let absent = fault("[other]\n");
    assert!(
        absent.contains("[lookup] the section is missing and its key `reference_file` is needed"),
        "{absent}"
    );
}

#[test]
fn a_struct_of_defaults_needs_no_section() {
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Quiet {
        seconds: u64,
    }
    let config = Config::from_text(RUNNER).unwrap();
    assert_eq!(config.section_or_empty("quiet").settings::<Quiet>().unwrap(), Quiet { seconds: 0 });
    config.section_or_empty("quiet").settings::<()>().unwrap();
}

#[test]
fn a_map_takes_any_key() {
    let config = Config::from_text(&format!("{RUNNER}[labels]\nlow=1\nhigh=2\n")).unwrap();
    let labels: std::collections::BTreeMap<String, u8> =
        config.section("labels").unwrap().settings().unwrap();
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), [("high".to_owned(), 2), ("low".to_owned(), 1)]);
}
