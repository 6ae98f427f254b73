//! A command line of the list. It is split into arguments once, at start; values of a message go into single arguments, and no
//! shell splits or expands them.

use circuits::prelude::*;
use serde_json::Value;

/// The keys of a message; a placeholder begins with one of them.
const KEYS: [&str; 16] = [
    "action_id",
    "type_id",
    "object_type",
    "operation_type",
    "properties",
    "incident",
    "task",
    "artifact",
    "note",
    "milestone",
    "attachment",
    "row",
    "user",
    "principal",
    "workflow",
    "type_info",
];

/// A program and its arguments, some of them with placeholders.
#[derive(Debug, PartialEq)]
pub(crate) struct CommandLine {
    program: String,
    arguments: Vec<Vec<Part>>,
}

/// A piece of one argument.
#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    /// The dotted path of a value in the message.
    Value(String),
}

/// Reads `Rule name: /path/to/program arguments`. The name may contain colons, because the program's path begins with a slash.
pub(crate) fn parse(line: &str) -> Result<(String, CommandLine)> {
    let is_path = |text: &str| text.trim_start().trim_start_matches(['"', '\'']).starts_with('/');
    let colon = line.match_indices(':').map(|(at, _)| at).find(|at| is_path(&line[at + 1..]));
    let (rule, command) = colon
        .map(|at| (line[..at].trim(), &line[at + 1..]))
        .filter(|(rule, _)| !rule.is_empty())
        .ok_or_else(|| {
            Error::new("a line must read `Rule name: /path/to/program arguments`, with an absolute path")
        })?;
    let mut words =
        shlex::split(command).ok_or_else(|| Error::new("a quotation mark is not closed"))?.into_iter();
    let program = words.next().unwrap_or_default();
    if !std::fs::metadata(&program).is_ok_and(|file| file.is_file()) {
        return Err(Error::new(format_args!("there is no program {program}")));
    }
    let arguments = words.map(|word| parts(&word)).collect::<Result<_>>()?;
    Ok((rule.to_owned(), CommandLine { program, arguments }))
}

/// Splits an argument at its placeholders: braces around a dotted path. Other braces are text.
fn parts(word: &str) -> Result<Vec<Part>> {
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let (mut parts, mut text, mut rest) = (Vec::new(), String::new(), word);
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let path =
            after.split_once('}').filter(|(path, _)| path.contains('.') && path.split('.').all(is_key));
        let Some((path, after)) = path else {
            text.push('{');
            rest = after;
            continue;
        };
        if !KEYS.contains(&path.split('.').next().unwrap_or_default()) {
            return Err(Error::new(format_args!(
                "{{{path}}} is not in a message; its keys are {}",
                KEYS.join(", ")
            )));
        }
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(Part::Value(path.to_owned()));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

impl CommandLine {
    /// The program and its arguments for one message.
    ///
    /// # Errors
    /// When the message lacks a value, or the value is not text or a number, or it would be taken for an option.
    pub(crate) fn fill(&self, message: &Value) -> Result<Vec<String>> {
        let mut filled = vec![self.program.clone()];
        for argument in &self.arguments {
            let mut text = String::new();
            for part in argument {
                match part {
                    Part::Text(fixed) => text.push_str(fixed),
                    Part::Value(path) => text.push_str(&value(message, path)?),
                }
            }
            let options_ended = filled.iter().any(|earlier| earlier == "--");
            if let (Some(Part::Value(path)), true, false) =
                (argument.first(), text.starts_with('-'), options_ended)
            {
                return Err(Error::new(format_args!(
                    "{path} begins with - and could be taken for an option; put -- in front of {{{path}}} in commands in \
                     [shell] if the program knows it"
                )));
            }
            filled.push(text);
        }
        Ok(filled)
    }
}

fn value(message: &Value, path: &str) -> Result<String> {
    let found = path.split('.').try_fold(message, |value, key| value.get(key)).unwrap_or(&Value::Null);
    let text = match found {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => found.to_string(),
        Value::Null => return Err(Error::new(format_args!("{path} has no value"))),
        Value::Array(_) | Value::Object(_) => {
            return Err(Error::new(format_args!("{path} is neither a text nor a number")));
        }
    };
    if text.contains('\0') {
        return Err(Error::new(format_args!("{path} contains a zero byte, as no argument may")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(command: &str, value: &str) -> Result<Vec<String>> {
        let (_, command) = parse(&format!("Rule: /bin/echo {command}"))?;
        command.fill(&json!({"artifact": {"value": value, "hits": []}, "incident": {"id": 7, "name": null}}))
    }

    #[test]
    fn a_value_stays_in_its_argument() {
        let nasty = "a b; rm -rf / $(id) `id` | * \" ' \n {incident.id}";
        assert_eq!(
            fill(
                "--ip {artifact.value} x{artifact.value}y \"{incident.id}: {artifact.value}\" '' {print}",
                nasty
            )
            .unwrap(),
            ["/bin/echo", "--ip", nasty, &format!("x{nasty}y"), &format!("7: {nasty}"), "", "{print}"]
        );
    }

    #[test]
    fn a_value_does_not_become_an_option() {
        for command in ["{artifact.value}", "--ip {artifact.value}", "{artifact.value}{incident.id}"] {
            let error = fill(command, "--output=/etc/passwd").unwrap_err().to_string();
            assert!(error.contains("artifact.value begins with -"), "{error}");
        }
        assert_eq!(fill("-- {artifact.value}", "-x").unwrap(), ["/bin/echo", "--", "-x"]);
        assert_eq!(fill("--ip={artifact.value}", "-x").unwrap(), ["/bin/echo", "--ip=-x"]);
        // The operator must write the end of the options, and in front of the value.
        assert!(fill("{artifact.value} --", "-x").is_err());
        assert!(fill("{artifact.value} {artifact.value}", "--").is_err());
    }

    #[test]
    fn what_cannot_be_put_in_is_named() {
        for (command, part) in [
            ("{incident.name}", "incident.name has no value"),
            ("{incident.city.zip}", "incident.city.zip has no value"),
            ("{artifact.hits}", "neither a text nor a number"),
        ] {
            assert!(fill(command, "x").unwrap_err().to_string().contains(part), "{command}");
        }
        assert!(fill("{artifact.value}", "a\0b").unwrap_err().to_string().contains("zero byte"));
    }

    #[test]
    fn lines_are_checked_at_start() {
        let (rule, command) = parse("Mock: Auto Rule : \"/bin/echo\" a").unwrap();
        assert_eq!((rule.as_str(), command.program.as_str()), ("Mock: Auto Rule", "/bin/echo"));
        for (line, part) in [
            ("Rule: echo", "absolute path"),
            (": /bin/echo", "absolute path"),
            ("/bin/echo", "absolute path"),
            ("Rule: /bin/echo \"a", "not closed"),
            ("Rule: /no/such/program", "there is no program /no/such/program"),
            ("Rule: /bin", "there is no program /bin"),
            ("Rule: /bin/echo {artefact.value}", "{artefact.value} is not in a message"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
