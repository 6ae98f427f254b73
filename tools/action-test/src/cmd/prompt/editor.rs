//! The line editor, on a separate thread.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, ExternalPrinter as _, Helper};
use serde_json::Value;
use serde_json::error::Category;
use tokio::sync::mpsc;

use super::super::names::Names;

const PROMPT: &str = "(action-test) ";
const COMMANDS: &[&str] = &["function", "help", "quit", "replay", "runlist", "submit", "submitfile"];

/// The user's input.
pub(super) enum Input {
    Line(String),
    /// Ctrl-D or Ctrl-C.
    End,
}

/// Prints above the line that is being typed.
pub(super) type Printer = Box<dyn FnMut(String) + Send>;

pub(super) struct Editor {
    inner: rustyline::Editor<Assistant, DefaultHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(names: Names) -> anyhow::Result<(Self, Printer)> {
        let mut inner = rustyline::Editor::new()?;
        inner.set_helper(Some(Assistant { names, files: FilenameCompleter::new() }));
        let folder = std::env::home_dir().map(|home| home.join(".resilient"));
        let history =
            folder.filter(|folder| folder.is_dir()).map(|folder| folder.join("action_test_history"));
        if let Some(path) = &history {
            // The first time there is no history.
            let _ = inner.load_history(path);
        }
        let mut printer = inner.create_external_printer()?;
        let print = move |line: String| drop(printer.print(line + "\n"));
        Ok((Self { inner, history }, Box::new(print)))
    }

    /// Reads a line each time that `next` asks for one.
    pub(super) fn run(mut self, typed: &mpsc::Sender<Input>, next: &Receiver<()>) {
        while next.recv().is_ok() {
            let input = match self.inner.readline(PROMPT) {
                Ok(line) => {
                    let _ = self.inner.add_history_entry(line.as_str());
                    if let Some(path) = &self.history {
                        let _ = self.inner.save_history(path);
                    }
                    Input::Line(line.trim().to_owned())
                }
                Err(_) => Input::End,
            };
            if typed.blocking_send(input).is_err() {
                return;
            }
        }
    }
}

/// Completes names and files, and recognises JSON that continues in the next line.
struct Assistant {
    names: Names,
    files: FilenameCompleter,
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}
impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if goes_on(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let known = self.names.known();
        let line = &line[..pos];
        let candidates = match expected(line) {
            Expected::Command => COMMANDS.iter().map(|name| (*name).to_owned()).collect(),
            Expected::Destination => known.destinations,
            Expected::Function => known.functions,
            Expected::Rule => known.rules,
            Expected::File => return self.files.complete(line, pos, context),
            Expected::Nothing => Vec::new(),
        };
        let begin = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let word = line[begin..].trim_start_matches('"');
        let fits = candidates.into_iter().filter(|candidate| candidate.starts_with(word));
        let pairs = fits.map(|name| {
            let quoted = if name.contains(' ') { format!("\"{name}\" ") } else { format!("{name} ") };
            Pair { display: name, replacement: quoted }
        });
        Ok((begin, pairs.collect()))
    }
}

/// The expected kind of the last word in a line.
#[derive(Debug, PartialEq)]
enum Expected {
    Command,
    Destination,
    Function,
    Rule,
    File,
    Nothing,
}

fn expected(line: &str) -> Expected {
    let mut words: Vec<_> = line.split_whitespace().collect();
    if !line.ends_with(char::is_whitespace) {
        words.pop();
    }
    match (words.first().copied(), words.len(), words.last().copied()) {
        (None, ..) => Expected::Command,
        (Some("help"), 1, _) => Expected::Command,
        (Some("replay"), _, Some("--queue")) => Expected::Destination,
        (Some("replay"), _, Some("--rule")) => Expected::Rule,
        (Some("submit" | "submitfile"), 1, _) => Expected::Destination,
        (Some("function"), 1, _) => Expected::Function,
        (Some("submitfile"), 2, _) | (Some("runlist" | "replay"), ..) => Expected::File,
        _ => Expected::Nothing,
    }
}

/// Whether the line is a `submit` whose JSON is not complete yet.
fn goes_on(line: &str) -> bool {
    let json = line
        .trim_start()
        .strip_prefix("submit ")
        .and_then(|rest| rest.trim().split_once(char::is_whitespace));
    json.is_some_and(|(_, json)| {
        serde_json::from_str::<Value>(json).is_err_and(|error| error.classify() == Category::Eof)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_names() {
        for (line, what) in [
            ("", Expected::Command),
            ("sub", Expected::Command),
            ("help rep", Expected::Command),
            ("submit gre", Expected::Destination),
            ("submitfile greeter rec", Expected::File),
            ("submit greeter {", Expected::Nothing),
            ("function ", Expected::Function),
            ("replay recorded --rule ", Expected::Rule),
            ("replay recorded --queue g", Expected::Destination),
            ("replay rec", Expected::File),
        ] {
            assert_eq!(expected(line), what, "{line:?}");
        }
    }

    #[test]
    fn json_may_have_several_lines() {
        assert!(goes_on("submit greeter {"));
        assert!(goes_on("submit greeter {\"incident\":\n{\"id\": 1}"));
        assert!(!goes_on("submit greeter {\"incident\":\n{\"id\": 1}}"));
        assert!(!goes_on("submit greeter {]"));
        assert!(!goes_on("submit greeter"));
    }
}
