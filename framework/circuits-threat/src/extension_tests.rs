//! When the extension opens, and what `circuits config check` says of its section.

use circuits::Result;

use super::*;
use crate::service::tests::config;
use crate::{Artifact, Lookup, Searcher, ThreatService};

async fn nothing(_: Artifact) -> Result<Lookup> {
    Ok(Lookup::none())
}

circuits::register! { ThreatService::new("linked", |_| Ok(Searcher::builder(()).on("net.ip", nothing).build())).files() }
circuits::register! { ThreatService::new("second", |_| Ok(Searcher::builder(()).on_any(nothing).build())) }

const PORT: &str = "http_port=9000\n";
const SECTION_LINE: &str = "[custom_threat_service]\n";

#[test]
fn it_opens_where_a_service_is_linked_and_a_port_is_set() {
    for (more, opens) in [
        (PORT.to_owned(), true),
        (format!("{PORT}{SECTION_LINE}"), true),
        (format!("{PORT}noload=second\n"), true),
        (String::new(), false),
        (format!("{PORT}noload=linked,second\n{SECTION_LINE}"), false),
        (format!("noload=linked,second\n{SECTION_LINE}"), false),
    ] {
        assert_eq!(open(&config(&more)).unwrap().is_some(), opens, "{more}");
    }
    let error = open(&config(SECTION_LINE)).err().unwrap().to_string();
    assert!(error.contains("set http_port=") && error.contains("linked, second"), "{error}");
    let error =
        open(&config(&format!("{PORT}{SECTION_LINE}cache_size=0\nurlbase=x\n"))).err().unwrap().to_string();
    assert!(error.contains("`cache_size`") && error.contains("`urlbase`"), "{error}");
}

#[test]
fn the_check_tells_the_services_and_what_is_of_no_use() {
    let findings = check(&config(PORT));
    assert_eq!(findings.notes, ["threat services: linked (net.ip), second (any type)"]);
    assert!(
        findings.warnings[0].contains("want files get none (linked): set upload_file=true"),
        "{findings:?}"
    );
    let findings = check(&config(&format!("{PORT}{SECTION_LINE}upload_file=true\n")));
    assert!(findings.warnings.is_empty() && findings.faults.is_empty(), "{findings:?}");
    let findings = check(&config(&format!("noload=linked,second\n{SECTION_LINE}")));
    assert!(findings.warnings[0].contains("is of no use"), "{findings:?}");
    let findings = check(&config(SECTION_LINE));
    assert!(findings.faults[0].contains("http_port="), "{findings:?}");
    assert!(check(&config("")).faults.is_empty());
}

/// `noload` knows the services by their names.
#[test]
fn noload_may_name_a_service() {
    let name = |name: &str| circuits::check_noload(&[], &[name.to_owned()]);
    name("threat").unwrap();
    name("linked").unwrap();
    let error = name("lnked").unwrap_err().to_string();
    assert!(error.contains("linked") && error.contains("second"), "{error}");
}
