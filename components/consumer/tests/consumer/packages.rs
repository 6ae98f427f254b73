//! Packages: those that run as they are, and those that are refused.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::{kit, section};
use circuits_testing::{Kit, Mock};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A name, a Unix mode and a text.
type File<'a> = (&'a str, u32, &'a str);

const MAIN: File<'_> = ("main", 0o755, "#!/bin/sh\ncat part.txt; echo \"$# arguments\"\n");

fn package(files: &[File<'_>]) -> (TempDir, PathBuf) {
    write(|archive| {
        for (name, mode, text) in files {
            archive.start_file(*name, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
    })
}

fn write(fill: impl FnOnce(&mut ZipWriter<std::fs::File>)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consumer.zip");
    let mut archive = ZipWriter::new(std::fs::File::create(&path).unwrap());
    fill(&mut archive);
    archive.finish().unwrap();
    (folder, path)
}

fn message(kind: &str) -> Value {
    json!({"object_type": 0, "incident": {"id": 2095, "kind": kind}})
}

async fn refusal(package: &Path) -> String {
    let refused = Kit::configured("consumer", &section(package, "", ""), Mock::new()).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("consumers in [consumer]") && error.contains("consumer.zip"), "{error}");
    error
}

#[tokio::test]
async fn an_executable_runs_in_its_package() {
    let (_folder, path) = package(&[MAIN, ("part.txt", 0o644, "a part\n"), ("deep/er/x", 0o644, "")]);
    let done = kit(&path, "").await.call("run", json!({})).await;
    assert_eq!(done.reply.output().unwrap()["output"], "a part\n2 arguments\n");
}

#[tokio::test]
async fn the_entry_point_in_python_gets_source_and_destination() {
    let text = "import json, sys\nfrom part import shout\nsource, destination = sys.argv[1:]\n\
                event = json.load(open(source + '/notification.json'))\n\
                print(shout(event['data']['incident']['kind']))\n";
    let part = "def shout(text):\n    return text.upper()\n";
    let empty =
        [("init.sh", 0o755, "#!/usr/bin/env sh\n\nexit 0\n"), ("requirements.txt", 0o644, "# none\n\n")];
    let files = [("__main__.py", 0o644, text), ("part.py", 0o644, part), empty[0], empty[1]];
    let (_folder, path) = package(&files);
    let done = kit(&path, "").await.handle("Run", message("phishing")).await;
    assert_eq!((done.reply.text(), done.reply.is_error()), ("PHISHING", false));
}

#[tokio::test]
async fn a_message_that_the_condition_does_not_select_is_not_for_the_package() {
    let condition = "$.data.incident[?@ == 'malware' && $.subject == 'Run']\n";
    let (_folder, path) =
        package(&[("run", 0o755, "#!/bin/sh\necho ran\n"), ("jsonpath2.txt", 0o644, condition)]);
    let kit = kit(&path, "").await;
    assert_eq!(kit.handle("Run", message("malware")).await.reply.text(), "ran");
    let done = kit.handle("Run", message("phishing")).await;
    let text =
        format!("Not for this consumer: the message does not match jsonpath2.txt in {}", path.display());
    assert_eq!((done.reply.text(), done.reply.is_error()), (text.as_str(), false));
    let done = kit.call("run", json!({})).await;
    assert_eq!(
        done.reply.output(),
        Some(&json!({"exit": null, "output": text, "error": null, "uploads": []}))
    );
}

#[tokio::test]
async fn a_condition_in_another_dialect_is_refused_with_its_position_and_the_rewrite() {
    let (_folder, path) = package(&[MAIN, ("jsonpath2.txt", 0o644, "$.data[?(@[\"b\"] = 1)]")]);
    let error = refusal(&path).await;
    for part in ["jsonpath2.txt is not a JSONPath of RFC 9535", "at position ", "Write == for ="] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_package_that_wants_an_environment_is_refused_with_the_cure() {
    for file in [
        ("requirements.txt", 0o644, "# one\nrequests\n"),
        ("init.sh", 0o755, "#!/bin/sh\napt-get install jq\nexit 0\n"),
    ] {
        let (_folder, path) = package(&[MAIN, file]);
        let error = refusal(&path).await;
        assert!(
            error.contains(&format!("its {} asks for an environment", file.0))
                && error.contains("build it yourself"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_package_without_exactly_one_program_is_refused() {
    for (files, part) in [
        (vec![("main", 0o644, "#!/bin/sh\n")], "it has no program"),
        (vec![("folder/__main__.py", 0o644, "")], "it has no program"),
        (vec![MAIN, ("run", 0o755, "#!/bin/sh\n")], "it has two programs, main and run"),
    ] {
        let (_folder, path) = package(&files);
        let error = refusal(&path).await;
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn an_archive_that_reaches_out_of_its_folder_is_refused() {
    for name in ["../evil", "/tmp/evil", "a/../../evil", "a\\..\\evil"] {
        let (folder, path) = package(&[MAIN, (name, 0o644, "x")]);
        let error = refusal(&path).await;
        assert!(error.contains("does not stay in the package"), "{error}");
        assert!(!folder.path().join("evil").exists());
    }
    let (_folder, path) = write(|archive| {
        archive.add_symlink("main", "/bin/true", SimpleFileOptions::default()).unwrap();
    });
    let error = refusal(&path).await;
    assert!(error.contains("its entry \"main\" is a link"), "{error}");
}

#[tokio::test]
async fn an_archive_beyond_bounds_is_refused() {
    let (_folder, path) = write(|archive| {
        archive.start_file("zeros", SimpleFileOptions::default()).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..101 {
            archive.write_all(&zeros).unwrap();
        }
    });
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20, "a bomb is small");
    assert!(refusal(&path).await.contains("it has more than 100 MB"));
    let (_folder, path) = write(|archive| {
        for number in 0..1001 {
            archive.start_file(number.to_string(), SimpleFileOptions::default()).unwrap();
        }
    });
    assert!(refusal(&path).await.contains("it has 1001 files and folders, and at most 1000 are unpacked"));
}

#[tokio::test]
async fn what_is_no_archive_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consumer.zip");
    std::fs::write(&path, "no archive").unwrap();
    assert!(refusal(&path).await.contains("it is not a zip archive that can be read"));
}
