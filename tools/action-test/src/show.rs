//! What is printed.

use std::io::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Reset};

use crate::exit::Ended;
use crate::link::Event;
use crate::order::{Order, Told, text_of};
use crate::session::Session;

/// Something about the connection, beside the replies.
pub(crate) fn note(text: &str) {
    anstream::eprintln!("{text}");
}

/// Submits an action and prints what becomes of it, interim statuses as they come.
pub(crate) async fn submit(
    session: &Session,
    order: Order,
    file: Option<&str>,
    mut print: impl FnMut(String),
) -> Ended {
    let json = session.target.json;
    let destination = order.destination.clone();
    let told = session
        .submit(order, |event, took| {
            if let (Event::Status(status), false) = (event, json) {
                print(line("Pending", AnsiColor::Yellow, took, &text_of(status)));
            }
        })
        .await;
    print(if json { told.as_json(&destination, file).to_string() } else { ending(&told) });
    told.ended
}

/// The last line about an action.
pub(crate) fn ending(told: &Told) -> String {
    let (word, colour) = match told.ended {
        Ended::Completed => ("Completed", AnsiColor::Green),
        Ended::Error => ("Error", AnsiColor::Red),
        Ended::NoReply => ("No reply", AnsiColor::Red),
        Ended::NoRunner => ("No runner", AnsiColor::Red),
    };
    line(word, colour, told.took, &told.text())
}

fn line(word: &str, colour: AnsiColor, took: Duration, text: &str) -> String {
    // What stands in replies comes from elsewhere: it may have lines, but not move the cursor.
    let text: String =
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect();
    let ms = took.as_secs_f64() * 1000.0;
    format!("{}{word:<9}{} {ms:>9.1} ms  {text}", colour.on_default().bold().render(), Reset.render())
}

/// A line on standard output.
///
/// # Errors
/// When nobody reads it.
pub(crate) fn out(line: &str) -> anyhow::Result<()> {
    writeln!(anstream::stdout().lock(), "{line}")?;
    Ok(())
}
