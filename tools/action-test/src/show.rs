//! Formats the outcome of an action for people and for scripts. Nothing is exchanged, decided or printed here.

use std::time::Duration;

use anstyle::{AnsiColor, Reset};
use serde_json::{Value, json};

use crate::exit::Ended;
use crate::order::Told;

/// The line about an interim status.
pub(crate) fn pending(status: &Value, took: Duration) -> String {
    line("Pending", AnsiColor::Yellow, took, &text_of(status))
}

/// The last line about an action.
pub(crate) fn ending(told: &Told) -> String {
    let (word, colour) = match told.ended {
        Ended::Completed => ("Completed", AnsiColor::Green),
        Ended::Error => ("Error", AnsiColor::Red),
        Ended::NoReply => ("No reply", AnsiColor::Red),
        Ended::NoRunner => ("No runner", AnsiColor::Red),
    };
    line(word, colour, told.took, &text(told))
}

/// The text that the analyst would read, or what went wrong.
pub(crate) fn text(told: &Told) -> String {
    match (&told.reply, &told.problem) {
        (Some(reply), _) => text_of(reply),
        (None, Some(problem)) => problem.clone(),
        (None, None) => String::new(),
    }
}

/// The whole of an action as JSON.
pub(crate) fn as_json(told: &Told, destination: &str, file: Option<&str>) -> Value {
    json!({
        "destination": destination,
        "file": file,
        "outcome": told.ended.name(),
        "took_ms": told.took.as_secs_f64() * 1000.0,
        "statuses": told.statuses,
        "reply": told.reply,
        "problem": told.problem,
    })
}

/// The text of a reply and the results of a function; the whole reply if it has neither.
fn text_of(reply: &Value) -> String {
    match (reply["message"].as_str(), &reply["results"]) {
        (Some(text), Value::Null) => text.to_owned(),
        (Some(text), results) => format!("{text}\n{results:#}"),
        (None, _) => format!("{reply:#}"),
    }
}

fn line(word: &str, colour: AnsiColor, took: Duration, text: &str) -> String {
    // The content of replies is not trusted: it may have several lines, but must not move the cursor.
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect();
    let ms = took.as_secs_f64() * 1000.0;
    format!("{}{word:<9}{} {ms:>9.1} ms  {text}", colour.on_default().bold().render(), Reset.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(reply: Option<Value>, problem: Option<&str>) -> Told {
        let (statuses, problem) = (Vec::new(), problem.map(str::to_owned));
        Told { ended: Ended::Completed, statuses, reply, problem, took: Duration::from_millis(7) }
    }

    #[test]
    fn a_reply_is_shown_by_its_text_and_cannot_move_the_cursor() {
        for (reply, problem, shown) in [
            (Some(json!({"message": "done\u{1b}[2J\nnext"})), None, "done [2J\nnext"),
            (Some(json!({"message": "found", "results": {"n": 1}})), None, "found\n{\n  \"n\": 1\n}"),
            (Some(json!({"other": 1})), Some("not shown"), "{\n  \"other\": 1\n}"),
            (None, Some("no reply within 1s"), "no reply within 1s"),
        ] {
            let line = ending(&told(reply, problem));
            assert!(line.contains("Completed") && line.ends_with(&format!("7.0 ms  {shown}")), "{line:?}");
        }
    }
}
