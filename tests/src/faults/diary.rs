//! What the handlers did. They write it to a file that outlives their process, because a killed process cannot report.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// A step of a handler run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The handler began.
    Begin,
    /// The handler is about to return.
    End,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What happened.
    pub step: Step,
    /// The process in which it happened.
    pub process: u32,
    /// The platform's name of the action, its correlation id.
    pub action: String,
    /// The idempotency key.
    pub key: String,
}

/// The file.
#[derive(Debug)]
pub struct Diary(File);

impl Diary {
    /// Continues the diary at `path`, or begins it.
    pub fn open(path: &Path) -> Self {
        Self(File::options().create(true).append(true).open(path).unwrap())
    }

    /// Notes a step. Each line is one write, so that the lines of several writers do not mix and SIGKILL cannot undo one.
    pub fn note(&self, step: Step, action: &str, key: &str) {
        let line = format!("{step:?}\t{}\t{action}\t{key}\n", std::process::id());
        (&self.0).write_all(line.as_bytes()).unwrap();
    }

    /// Everything noted at `path` so far.
    pub fn read(path: &Path) -> Vec<Line> {
        std::fs::read_to_string(path).unwrap_or_default().lines().map(Line::parse).collect()
    }
}

impl Line {
    fn parse(line: &str) -> Self {
        let parts: Vec<_> = line.split('\t').collect();
        let [step, process, action, key] = parts[..] else { panic!("a broken line in the diary: {line:?}") };
        Self {
            step: if step == "Begin" { Step::Begin } else { Step::End },
            process: process.parse().unwrap(),
            action: action.to_owned(),
            key: key.to_owned(),
        }
    }
}
