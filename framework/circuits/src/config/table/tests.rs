//! The table is sound, and what is made from it is what the files hold.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::HashSet;
use std::path::Path;

use super::kind::Range;
use super::*;

#[test]
fn keys_are_told_apart_and_described() {
    let mut seen = HashSet::new();
    for key in keys().chain(INTEGRATIONS) {
        assert!(seen.insert(key.name), "{} is there twice", key.name);
        assert!(key.text.split_whitespace().count() > 2, "{} has no description", key.name);
        if let Some(other) = key.same_as {
            assert!(find(other).is_some(), "{} takes over {other}", key.name);
        }
        assert!(key.default.is_none() || key.same_as.or(key.otherwise).is_none(), "{}", key.name);
    }
    assert!(UNUSED.iter().all(|(name, _)| !seen.contains(name)));
}

#[test]
fn help_says_what_is_allowed_and_what_holds_without_it() {
    let help = |name: &str| find(name).unwrap().help();
    assert_eq!(help("port"), "Port of the REST API. Allowed: 1 to 65535. [default: 443]");
    assert_eq!(
        help("loglevel"),
        "What is logged: this level and everything above it. Allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL (or TRACE, or \
         a number from 1 to 50). Environment: LOGLEVEL. [default: INFO]"
    );
    assert!(help("stomp_host").ends_with("Default: the same as host."), "{}", help("stomp_host"));
    assert!(
        help("handler_timeout").contains("1 to 604800; 0 means no limit."),
        "{}",
        help("handler_timeout")
    );
    assert!(
        help("stomp_prefetch_limit").contains("Default: twice num_workers"),
        "{}",
        help("stomp_prefetch_limit")
    );
}

#[test]
fn a_refusal_says_what_must_hold() {
    let range = Range::new(16, 99);
    assert_eq!(range.rule(""), "must be a whole number from 16 to 99");
    assert!(range.holds(16) && range.holds(99) && !range.holds(0) && !range.holds(15) && !range.holds(100));
    let range = range.zero("no limit");
    assert_eq!(range.rule(" of seconds"), "must be 0 (no limit) or a whole number of seconds from 16 to 99");
    assert!(range.holds(0) && !range.holds(1));
}

/// Holds a file to what it should be; with CIRCUITS_RENEW=1 it is written instead.
fn is_renewed(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("CIRCUITS_RENEW").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "{} is not what the table of settings gives. Renew it: CIRCUITS_RENEW=1 cargo test -p circuits --lib config::table",
        path.display()
    );
}

#[test]
fn the_sample_file_is_that_of_the_table() {
    is_renewed("app.config.example", &sample());
}

#[test]
fn the_page_on_configuration_is_that_of_the_table() {
    is_renewed("docs/src/configuration.md", &reference());
}
