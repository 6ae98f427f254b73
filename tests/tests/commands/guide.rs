//! Runs the chapter for newcomers: every command and every block of code, in their order, in one shell.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Marks the start of the output of each block.
const MARK: &str = "@@ block ";

/// A block of the guide.
struct Block<'a> {
    info: &'a str,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push(Block { info, text: text.join("\n") });
        }
    }
    found
}

/// The value of `key="value"` or `key=value` in a block's info.
fn value<'a>(info: &'a str, key: &str) -> Option<&'a str> {
    let rest = info.split_once(&format!("{key}="))?.1;
    match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next(),
        None => rest.split(' ').next(),
    }
}

/// All blocks as one script. The blocks of another terminal run in a separate process group, until the next block of that
/// terminal. A shell without a terminal starts background commands so that they ignore Ctrl-C, so SIGTERM ends them.
fn script(blocks: &[Block<'_>]) -> String {
    let mut script = "set -euo pipefail\nterminals=()\n\
                      trap 'for t in ${terminals[@]}; do kill -- -$t 2>/dev/null || true; done; wait' EXIT\n"
        .to_owned();
    for (number, Block { info, text }) in blocks.iter().enumerate() {
        let _ = writeln!(script, "echo '{MARK}{number}'");
        let _ = match (info.split(' ').next(), value(info, "terminal"), value(info, "until")) {
            (Some("sh"), Some(terminal), Some(until)) => writeln!(
                script,
                "if [ -n \"${{T{terminal}:-}}\" ]; then kill -- -$T{terminal}; wait $T{terminal} || true; fi\n\
                 : > \"$LOGS/{terminal}.log\"\n\
                 setsid bash -c '{command}' > \"$LOGS/{terminal}.log\" 2>&1 & T{terminal}=$!; terminals+=($!)\n\
                 until grep -q '{until}' \"$LOGS/{terminal}.log\"; do\n\
                 kill -0 $T{terminal} || {{ cat \"$LOGS/{terminal}.log\"; exit 1; }}; sleep 0.1; done",
                command = text.replace('\n', "; "),
            ),
            (Some("sh"), ..) => writeln!(script, "{text}"),
            (Some("rust"), ..) => {
                let file = info.split(' ').nth(1).unwrap();
                writeln!(script, "cat > {file} <<'END_OF_FILE'\n{text}\nEND_OF_FILE")
            }
            _ => Ok(()),
        };
    }
    script
}

#[test]
fn every_step_of_the_guide_works() {
    let project = std::fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    let guide = std::fs::read_to_string(project.join("docs/src/first-component.md")).unwrap();
    let blocks = blocks(&guide);
    let folder = tempfile::tempdir().unwrap();
    // The same folder and profile are used, so that nothing is built twice.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    std::fs::create_dir(folder.path().join(".cargo")).unwrap();
    let profile = "[profile.dev]\ndebug = \"line-tables-only\"\n[profile.dev.package.\"*\"]\ndebug = false\n";
    std::fs::write(folder.path().join(".cargo/config.toml"), profile).unwrap();
    let output = Command::new("bash")
        .arg("-c")
        .arg(script(&blocks))
        .current_dir(&project)
        .env("TMPDIR", folder.path())
        .env("LOGS", folder.path())
        .env("HOME", folder.path())
        .env("CARGO_HOME", std::env::var_os("CARGO_HOME").unwrap_or_else(|| home(".cargo")))
        .env("RUSTUP_HOME", std::env::var_os("RUSTUP_HOME").unwrap_or_else(|| home(".rustup")))
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_NET_OFFLINE", "true")
        .env("APP_LOCK_FILE", folder.path().join("lock"))
        .env_remove("APP_CONFIG_FILE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.info == "text") {
        let before = format!("{MARK}{}\n", number - 1);
        let said = out.split(&before).nth(1).unwrap().split(MARK).next().unwrap();
        for line in block.text.lines() {
            assert!(said.contains(line), "the guide promises {line:?}, and it was:\n{said}\n{err}");
        }
    }
}

fn home(folder: &str) -> std::ffi::OsString {
    std::env::home_dir().unwrap().join(folder).into()
}
