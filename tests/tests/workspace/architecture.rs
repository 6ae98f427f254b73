//! The rules of the workspace that the compiler does not check: which crates may import which, which foreign crates only one
//! crate may use, that every component ships, and that each file opens with its purpose and stays small.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

const LONGEST_FILE: usize = 400;

/// A crate by its place in the tree, the crates of ours that it may use, and those that its tests may use in addition.
const IMPORTS: &[(&str, &[&str], &[&str])] = &[
    (
        "framework/circuits",
        &["circuits-rest", "circuits-stomp", "circuits-tls"],
        &["circuits-sandbox", "circuits-testing"],
    ),
    // It deploys the definitions of components; a component does not compile it.
    ("framework/circuits-deploy", &["circuits"], &[]),
    // Extensions: never another extension, except through a trait in `circuits`.
    ("framework/circuits-accounts", &["circuits"], &[]),
    ("framework/circuits-api", &["circuits"], &[]),
    ("framework/circuits-control", &["circuits"], &[]),
    (
        "framework/circuits-events",
        &["circuits"],
        &["circuits-accounts", "circuits-journal", "circuits-http", "circuits-sandbox"],
    ),
    // It reads the certificate of the listener as those of clients are read.
    ("framework/circuits-http", &["circuits", "circuits-tls"], &[]),
    ("framework/circuits-page", &["circuits"], &[]),
    ("framework/circuits-threat", &["circuits"], &[]),
    ("framework/circuits-testing", &["circuits", "circuits-deploy", "circuits-sandbox"], &[]),
    ("framework/circuits-journal", &["circuits"], &["circuits-testing"]),
    ("framework/circuits-rest", &["circuits-tls"], &["circuits-sandbox"]),
    // A test oracle that shares no code with the clients under test.
    ("framework/circuits-sandbox", &[], &[]),
    ("framework/circuits-stomp", &["circuits-tls"], &["circuits-sandbox"]),
    ("framework/circuits-tls", &[], &[]),
    // `components` itself: the components and nothing else. A test below checks it by name, because it grows with them.
    ("components", &["*"], &[]),
    ("components/*", &["circuits"], &["circuits-sandbox", "circuits-testing"]),
    (
        "tools/*",
        &[
            "circuits",
            "circuits-accounts",
            "circuits-api",
            "circuits-control",
            "circuits-deploy",
            "circuits-events",
            "circuits-http",
            "circuits-journal",
            "circuits-page",
            "circuits-sandbox",
            "components",
        ],
        &[],
    ),
    // These test and measure everything.
    ("tests", &["*"], &["*"]),
    ("benches", &["*"], &["*"]),
];

/// A foreign crate and those of ours that may use it.
const SEALED: &[(&str, &[&str])] = &[
    ("tokio-stomp-2", &["circuits-stomp"]),
    ("reqwest", &["circuits-rest", "circuits-events"]),
    ("config", &["circuits"]),
    // The sandbox, the tests and the benchmarks stand on the other side of the connection.
    (
        "native-tls",
        &["circuits-stomp", "circuits-rest", "circuits-sandbox", "circuits-tests", "circuits-benches"],
    ),
    ("tokio-native-tls", &["circuits-stomp", "circuits-sandbox", "circuits-tests", "circuits-benches"]),
    ("openssl", &["circuits-tls"]),
    ("tokio-openssl", &["circuits-tls"]),
    // The fault suite reads what a killed runner left, without the code that wrote it.
    ("rusqlite", &["circuits-journal", "circuits-tests"]),
    // The code that reads archives of exports is not part of a component; packages of programs are the consumer's own matter.
    ("zip", &["circuits-deploy", "consumer"]),
    // Components register through `circuits::register!`.
    ("inventory", &["circuits"]),
];

fn workspace() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(["--locked".to_owned()])
        .exec()
        .unwrap()
}

/// The place of a package below the workspace's root.
fn place(metadata: &Metadata, package: &Package) -> String {
    let folder = package.manifest_path.parent().unwrap();
    folder.strip_prefix(&metadata.workspace_root).unwrap().to_string()
}

fn allowed(place: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    let rule =
        |name: &str| IMPORTS.iter().find(|(rule, ..)| *rule == name).map(|(_, normal, dev)| (*normal, *dev));
    let parent = place.rsplit_once('/').map(|(parent, _)| format!("{parent}/*"));
    rule(place).or_else(|| rule(&parent?))
}

fn permits(list: &[&str], name: &str) -> bool {
    list.contains(&"*") || list.contains(&name)
}

#[test]
fn a_crate_imports_only_what_its_place_allows() {
    let metadata = workspace();
    let ours: BTreeSet<_> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let mut broken = Vec::new();
    for package in &metadata.packages {
        let place = place(&metadata, package);
        let Some((normal, dev)) = allowed(&place) else {
            broken.push(format!("{place} is in no rule: say in IMPORTS what it may use"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| ours.contains(&dependency.name)) {
            // An optional dependency is for a feature that only tests switch on.
            let of_tests = dependency.kind == DependencyKind::Development || dependency.optional;
            let in_tests = of_tests && permits(dev, &dependency.name);
            if !permits(normal, &dependency.name) && !in_tests {
                broken.push(format!("{place} must not use {} ({})", dependency.name, dependency.kind));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_foreign_crate_is_known_to_its_wrapper_alone() {
    let metadata = workspace();
    let mut broken = Vec::new();
    for package in &metadata.packages {
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in normal {
            if SEALED
                .iter()
                .any(|(name, knows)| *name == dependency.name && !knows.contains(&package.name.as_str()))
            {
                broken.push(format!("{} must not use {}", package.name, dependency.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_component_ships() {
    let metadata = workspace();
    let root = metadata.workspace_root.join("components");
    let folders: BTreeSet<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && path.file_name().unwrap() != "src")
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let package = metadata.packages.iter().find(|package| package.name == "components").unwrap();
    let dependencies: BTreeSet<_> =
        package.dependencies.iter().map(|dependency| dependency.name.clone()).collect();
    assert_eq!(
        dependencies, folders,
        "components/Cargo.toml names the folders of components/, and nothing else"
    );
    let lib = std::fs::read_to_string(root.join("src/lib.rs")).unwrap();
    for folder in folders {
        let line = format!("use {folder} as _;");
        assert!(lib.lines().any(|other| other.trim() == line), "components/src/lib.rs lacks `{line}`");
    }
}

#[test]
fn every_file_opens_with_what_it_is_for_and_stays_small() {
    let metadata = workspace();
    let mut broken = Vec::new();
    for (path, text) in rust_files(&metadata) {
        // The inputs of compiler goldens look like the code of a component author.
        if path.components().any(|part| part.as_os_str() == "handler_errors") {
            continue;
        }
        let shown = path.strip_prefix(&metadata.workspace_root).unwrap().display();
        if !text.starts_with("//! ") {
            broken.push(format!("{shown} does not open with `//! `"));
        }
        let lines = text.lines().count();
        if path.components().any(|part| part.as_os_str() == "src") && lines > LONGEST_FILE {
            broken.push(format!("{shown} has {lines} lines: split it ({LONGEST_FILE} at most)"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn rust_files(metadata: &Metadata) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut folders: Vec<PathBuf> = ["framework", "components", "tools", "tests", "benches"]
        .map(|folder| metadata.workspace_root.join(folder).into_std_path_buf())
        .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.insert(path, text);
            }
        }
    }
    assert!(files.len() > 50, "the sources are not where this test looks for them");
    files
}

/// The patches are run by hand; this test checks that they still apply.
#[test]
fn the_patches_that_break_rules_of_delivery_still_apply() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("tests/broken-rules");
    let patches = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let patches: Vec<_> = patches.filter(|path| path.extension().is_some_and(|it| it == "patch")).collect();
    assert!(patches.len() >= 5, "{patches:?}");
    for patch in patches {
        let text = std::fs::read_to_string(&patch).unwrap();
        assert!(text.starts_with("Rule ") && text.contains("\nCaught-by: -p "), "{}", patch.display());
        let mut git = std::process::Command::new("git");
        let applied = git.args(["apply", "--check"]).arg(&patch).current_dir(&root).output().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    }
}

/// Cargo finds a folder of tests by its `main.rs`, and passes over a file that this does not name.
#[test]
fn every_file_of_tests_belongs_to_a_binary() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders: Vec<_> = std::fs::read_dir(tests).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut lost = Vec::new();
    for folder in folders.iter().filter(|path| path.is_dir()) {
        let main = std::fs::read_to_string(folder.join("main.rs")).unwrap();
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            if name != "main" && !main.contains(&format!("mod {name};")) {
                lost.push(file);
            }
        }
    }
    assert!(folders.len() > 5 && lost.is_empty(), "{lost:?}");
}

/// An author who reads a type's name knows which one it is. Names that `pub use` gives count as they are given.
#[test]
fn no_two_public_types_of_the_framework_share_a_name() {
    let metadata = workspace();
    let ours = metadata.workspace_root.join("framework/circuits/src");
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut twice = Vec::new();
    for (path, text) in rust_files(&metadata) {
        let Ok(place) = path.strip_prefix(&ours) else { continue };
        for line in text.lines().map(str::trim_start) {
            let declared =
                ["pub struct ", "pub enum ", "pub trait "].iter().find_map(|kind| line.strip_prefix(kind));
            let Some(declared) = declared else { continue };
            let name: String = declared.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // A macro's parameter.
            if name.is_empty() {
                continue;
            }
            if let Some(other) = seen.insert(name.clone(), place.display().to_string()) {
                twice.push(format!("{name}: {other} and {}", place.display()));
            }
        }
    }
    let lib = std::fs::read_to_string(ours.join("lib.rs")).unwrap();
    let rest = lib.split("pub use circuits_rest::{").nth(1).unwrap().split('}').next().unwrap();
    for given in
        rest.split(',').map(|name| name.rsplit(" as ").next().unwrap().trim()).filter(|name| !name.is_empty())
    {
        if let Some(other) = seen.get(given) {
            twice.push(format!("{given}: {other} and circuits::rest"));
        }
    }
    assert!(seen.len() > 50 && twice.is_empty(), "{} types\n{}", seen.len(), twice.join("\n"));
}
