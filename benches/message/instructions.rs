//! Instructions of each step, as callgrind counts them. Each step is counted in two processes, one of which takes it twice as
//! often, so that the difference does not contain the start of a process.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::steps;

/// How often the first process takes a step; the second takes it twice as often.
const TIMES: u64 = 100;

/// Counts all steps and writes the table.
pub(crate) fn count() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return println!("Instructions are not counted: valgrind is not installed.");
    }
    let mut table = String::from(
        "# Instructions per message\n\n\
         Written by `cargo bench -p circuits-benches --bench message -- instructions` (callgrind, release build, all threads). Counts move \
         by a few per cent with the compiler.\n\n| Step | instructions |\n|---|---:|\n",
    );
    for step in steps::all() {
        let (once, twice) = (collected(step.name, TIMES), collected(step.name, 2 * TIMES));
        let each = (twice - once) / (TIMES * step.messages);
        // Hash maps have a new seed in each process, so the last digits mean nothing.
        let step_size = 10_u64.pow(each.max(1).ilog10().saturating_sub(1));
        writeln!(table, "| {} | {} |", step.name, (each + step_size / 2) / step_size * step_size).unwrap();
    }
    println!("{table}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.md");
    std::fs::write(file, table).unwrap();
}

/// Instructions of a process that takes a step this many times.
fn collected(name: &str, times: u64) -> u64 {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(std::env::current_exe().unwrap()).args(["step", name, &times.to_string()]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let line = text.lines().find_map(|line| line.split_once("Collected : ")).expect("callgrind counts");
    line.1.trim().parse().unwrap()
}
