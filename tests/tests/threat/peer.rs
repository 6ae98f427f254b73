//! What the Python client's own files say: its section of app.config is read as it is.

use std::path::Path;

use circuits_tests::eventful::Eventful;

use crate::desk::{artifact, source};

#[tokio::test(flavor = "multi_thread")]
async fn the_section_of_the_python_client_works_as_it_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/configs/rc-cts_app.config.cts");
    let Ok(section) = std::fs::read_to_string(file) else {
        println!("skipped: no ../shared/data");
        return;
    };
    let it = Eventful::start("python section").await;
    // Its lines, and once more with those that it has behind a `#`.
    let lines = |line: &str| match line.strip_prefix('#').map(str::trim_start) {
        Some(setting) if setting.split_once('=').is_some_and(|(key, _)| !key.contains(' ')) => {
            setting.to_owned()
        }
        _ => line.to_owned(),
    };
    let set: Vec<_> = section.lines().map(lines).filter(|line| !line.starts_with("resilient_mock")).collect();
    assert!(set.iter().any(|line| line == "cache_ttl=600000"), "{set:?}");
    for text in [section.clone(), set.join("\n")] {
        let runner = it.run(&format!("{text}\n")).await;
        let id = artifact(&it, "IP Address", "203.0.113.9");
        assert_eq!(it.world.sandbox.scan(&source(&it, "desk"), id).await.unwrap().hits.len(), 1);
        runner.stop().await;
    }
}
