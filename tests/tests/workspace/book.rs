//! The documents are true as far as a machine can check: their commands exist, their links lead somewhere, and their tables name
//! the existing keys and exit codes. `guide.rs` runs the chapter for newcomers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use circuits_tests::command::Place;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

/// Programs of the system that the documents may use.
const FOREIGN: &[&str] = &[
    "alias",
    "cargo",
    "cat",
    "cd",
    "chmod",
    "chown",
    "cp",
    "curl",
    "docker",
    "export",
    "install",
    "ls",
    "mdbook",
    "mkdir",
    "openssl",
    "restorecon",
    "ssh",
    "systemctl",
    "useradd",
];

fn project() -> PathBuf {
    std::fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// A document: its path and its text.
struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap();
        Self { path, text }
    }

    fn all() -> Vec<Self> {
        let project = project();
        let chapters =
            std::fs::read_dir(project.join("docs/src")).unwrap().map(|entry| entry.unwrap().path());
        let others =
            ["README.md", "tools/packaging/README.md", "fuzz/README.md"].map(|name| project.join(name));
        chapters.chain(others).map(Self::read).collect()
    }

    /// The text of each block with this language, and everything outside of blocks.
    fn split(&self, language: &str) -> (Vec<String>, String) {
        let (mut blocks, mut prose) = (Vec::new(), String::new());
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            if let Some(info) = line.strip_prefix("```") {
                let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
                if info.split(' ').next() == Some(language) {
                    blocks.push(block.join("\n"));
                }
            } else {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        (blocks, prose)
    }
}

/// The lines of a shell block, with continued lines joined, and without the input that is fed to a command.
fn lines(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let (mut found, mut lines) = (Vec::new(), joined.lines());
    while let Some(line) = lines.next() {
        found.push(line.to_owned());
        if line.contains("<<'END'") {
            lines.by_ref().take_while(|line| *line != "END").for_each(drop);
        }
    }
    found
}

/// The simple commands of a line, without variables before them and redirections after them.
fn commands(line: &str) -> Result<Vec<Vec<String>>, String> {
    let words = shlex::split(line).ok_or_else(|| format!("unbalanced quotes: {line}"))?;
    let simple = words.split(|word| ["&&", "||", "|", ";"].contains(&word.as_str())).map(|command| {
        let variable =
            |word: &&String| word.split_once('=').is_some_and(|(name, _)| name == name.to_uppercase());
        let redirection = |word: &&String| !word.starts_with(['>', '<']);
        command.iter().skip_while(variable).take_while(redirection).cloned().collect::<Vec<_>>()
    });
    Ok(simple.filter(|command| !command.is_empty()).collect())
}

/// Returns what is wrong with a command, if anything.
fn check(mut command: Vec<String>) -> Result<(), String> {
    let name = command.first().cloned().unwrap_or_default();
    let rest = command.split_off(1);
    let ours = |name: &str, rest: &[String]| {
        let line: Vec<_> = std::iter::once(name.to_owned()).chain(rest.iter().cloned()).collect();
        let checked = if name == "circuits" {
            circuits_cli::check_command_line(&line)
        } else {
            action_test::check_command_line(&line)
        };
        checked.map_err(|error| format!("{}: {error}", line.join(" ")))
    };
    match name.as_str() {
        "circuits" | "action-test" => ours(&name, &rest),
        "./tools/try" => {
            ours("circuits", &[&["run", "--sandbox"].map(str::to_owned), rest.as_slice()].concat())
        }
        "cargo" if rest.first().is_some_and(|word| word == "run") => {
            let mut halves = rest.splitn(2, |word| word == "--");
            let tester = halves.next().is_some_and(|flags| flags.contains(&"action-test".to_owned()));
            ours(if tester { "action-test" } else { "circuits" }, halves.next().unwrap_or_default())
        }
        "cargo" => match rest.iter().skip_while(|word| *word != "--profile").nth(1) {
            Some(profile)
                if !Document::read(project().join("Cargo.toml"))
                    .text
                    .contains(&format!("[profile.{profile}]")) =>
            {
                Err(format!("Cargo.toml has no profile {profile}"))
            }
            _ => Ok(()),
        },
        path if path.contains('/') && project().join(path).is_file() => Ok(()),
        foreign if FOREIGN.contains(&foreign) => Ok(()),
        other => Err(format!("`{other}` is neither a command of ours nor one that documents may use")),
    }
}

#[test]
fn every_command_is_one_that_we_have() {
    let mut wrong = Vec::new();
    for document in Document::all() {
        let (blocks, prose) = document.split("sh");
        let typed = blocks.iter().flat_map(|block| lines(block));
        // Between backquotes every second piece is code.
        let named = prose.split('`').skip(1).step_by(2).filter(|code| {
            ["circuits ", "action-test ", "cargo run ", "./tools/"]
                .iter()
                .any(|start| code.starts_with(start))
        });
        // Prose may name a command without its required arguments; with --help it needs none.
        let named = named.map(|code| code.replace('\n', " ") + " --help");
        for line in typed.chain(named) {
            let faults = match commands(&line) {
                Ok(commands) => commands.into_iter().filter_map(|command| check(command).err()).collect(),
                Err(fault) => vec![fault],
            };
            wrong.extend(
                faults.into_iter().map(|fault| format!("{}: {line}\n{fault}", document.path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_block_of_shell_is_one() {
    for document in Document::all() {
        for block in document.split("sh").0 {
            let output = Command::new("bash").args(["-n", "-c", &block]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {block}\n{said}", document.path.display());
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for document in Document::all() {
        let links = document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let file = document.path.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(file.is_file(), "{}: {link} leads nowhere", document.path.display());
        }
    }
}

#[test]
fn every_chapter_is_in_the_book_and_its_rust_is_compiled() {
    let sources = project().join("docs/src");
    let summary = Document::read(sources.join("SUMMARY.md")).text;
    let compiled = Document::read(project().join("tests/src/book.rs")).text;
    for chapter in Document::all().iter().filter(|document| document.path.starts_with(&sources)) {
        let name = chapter.path.file_name().unwrap().to_str().unwrap();
        assert!(
            name == "SUMMARY.md" || summary.contains(&format!("({name})")),
            "SUMMARY.md does not name {name}"
        );
        // A block with a file's name is written and compiled by the guide's own test.
        let has_rust = chapter.text.lines().any(|line| line.starts_with("```rust") && !line.contains(' '));
        assert!(
            !has_rust || compiled.contains(&format!("docs/src/{name}")),
            "nobody compiles the Rust in {name}"
        );
    }
}

/// The numbers in the first column of the table under a heading.
fn codes(text: &str, heading: &str) -> BTreeSet<u8> {
    let section = text.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect()
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_help() {
    let operating = Document::read(project().join("docs/src/operating.md")).text;
    let help = Place::new(BINARY).run(&["--help"]).out;
    let listed = help.split("Exit codes:").nth(1).unwrap();
    let listed = listed.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    assert_eq!(codes(&operating, "## Exit codes"), listed);
}

/// The words between backquotes.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_key_of_the_python_runner_is_known_and_what_is_called_the_same_is_read() {
    let chapter = Document::read(project().join("docs/src/from-python.md")).text;
    let sample = Document::read(project().join("app.config.example")).text;
    let table = chapter.split("| Key of `[resilient]` |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(2).map(|row| row.split(" | ").collect()).collect();
    let mut every = String::from("[resilient]\n");
    for row in &rows {
        for key in code(row[0]) {
            every.push_str(&format!("{key}=1\n"));
            let read =
                sample.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{key}=")));
            assert!(row[1] != "same" || read, "app.config.example has no {key}");
        }
        let is_key = |code: &&str| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        for ours in code(row[1]).into_iter().filter(is_key) {
            assert!(sample.contains(&format!("#{ours}=")), "app.config.example has no {ours}");
        }
    }
    let place = Place::new(BINARY);
    place.write("app.config", &every);
    let said = place.run(&["config", "check", "--json"]);
    assert!(rows.len() > 20 && !said.out.contains("not a known key"), "{}", said.out);
}
