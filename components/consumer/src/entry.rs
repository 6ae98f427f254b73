//! A line of the list `consumers`: whose messages a program gets, the program, and what is downloaded for it.

use circuits::prelude::*;

use crate::download::Downloads;
use crate::program::{BUILT_IN, Program};

/// Whose messages a program gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    /// By its name.
    Rule(String),
    /// By its API name.
    Function(String),
}

/// A line of the list.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) caller: Caller,
    pub(crate) program: Program,
    pub(crate) downloads: Downloads,
}

/// Reads `Rule name: /path/to/program attachments artifacts` or `function api_name: ..`. A rule's name
/// may contain colons, because the path begins with a slash.
///
/// # Errors
/// When the line has another form, or its program cannot be run.
pub(crate) fn parse(line: &str) -> Result<Entry> {
    let is_program = |text: &str| {
        text.trim_start_matches(['"', '\'']).starts_with('/')
            || text.split_whitespace().next() == Some(BUILT_IN)
    };
    let colon = line.match_indices(':').map(|(at, _)| at).find(|at| is_program(line[at + 1..].trim_start()));
    let (caller, rest) = colon
        .map(|at| (line[..at].trim(), &line[at + 1..]))
        .filter(|(caller, _)| !caller.is_empty())
        .ok_or_else(|| {
            Error::new(
                "a line must read `Rule name: /path/to/program` or \
                 `function api_name: /path/to/program`, with an absolute path",
            )
        })?;
    let mut words =
        shlex::split(rest).ok_or_else(|| Error::new("a quotation mark is not closed"))?.into_iter();
    let program = Program::find(&words.next().unwrap_or_default())?;
    let mut downloads = Downloads::default();
    for word in words {
        match word.as_str() {
            "attachments" => downloads.attachments = true,
            "artifacts" => downloads.artifacts = true,
            _ => {
                return Err(Error::new(format_args!(
                    "`{word}` is nothing to download; behind the path may stand attachments and artifacts"
                )));
            }
        }
    }
    let caller = match caller.strip_prefix("function ") {
        Some(function) => Caller::Function(function.trim().to_owned()),
        None => Caller::Rule(caller.to_owned()),
    };
    Ok(Entry { caller, program, downloads })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_caller_its_program_and_its_downloads() {
        let entry = parse("Mock: Auto Rule : \"/bin/echo\" artifacts").unwrap();
        assert_eq!(entry.caller, Caller::Rule("Mock: Auto Rule".to_owned()));
        assert_eq!(entry.downloads, Downloads { attachments: false, artifacts: true });
        let entry = parse("function list_files: built-in").unwrap();
        assert_eq!(entry.caller, Caller::Function("list_files".to_owned()));
        assert_eq!(entry.downloads, Downloads::default());
    }

    #[test]
    fn a_line_of_another_form_is_refused_with_the_form() {
        for (line, part) in [
            ("Rule: echo", "absolute path"),
            (": /bin/echo", "absolute path"),
            ("/bin/echo", "absolute path"),
            ("Rule: built-ins", "absolute path"),
            ("Rule: /bin/echo \"a", "not closed"),
            ("Rule: /bin/echo notes", "`notes` is nothing to download"),
            ("Rule: /no/such/program", "there is no program /no/such/program"),
            ("Rule: /bin", "there is no program /bin"),
            ("Rule: /etc/passwd", "/etc/passwd is not executable; `chmod +x /etc/passwd`"),
            ("Rule: /no/such.zip", "/no/such.zip cannot be read"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
