//! A question before something that is not easily undone.

use std::io::{BufRead, IsTerminal as _, Write};

use anyhow::bail;

/// Asks on the terminal until the answer is yes or no; the end of the input is no.
///
/// # Errors
/// Without a terminal nobody can answer; the error says so, and names `-y`.
pub(crate) fn confirm(question: &str) -> anyhow::Result<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        bail!("{question} There is no terminal to ask on; say yes with -y");
    }
    ask(question, &mut input.lock(), &mut std::io::stderr())
}

fn ask(question: &str, input: &mut impl BufRead, output: &mut impl Write) -> anyhow::Result<bool> {
    loop {
        write!(output, "{question} [y/n] ")?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (input, answer, asked) in [
            ("y\n", true, 1),
            ("Yes\n", true, 1),
            ("n\n", false, 1),
            ("", false, 1),
            ("what\n\nY\n", true, 3),
        ] {
            let mut output = Vec::new();
            assert_eq!(ask("Really?", &mut input.as_bytes(), &mut output).unwrap(), answer, "{input:?}");
            assert_eq!(String::from_utf8(output).unwrap().matches("Really? [y/n] ").count(), asked);
        }
    }
}
