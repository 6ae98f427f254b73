//! Prints lines: results to standard output, everything else to standard error.

use std::io::Write as _;

/// Prints a line to standard output.
///
/// # Errors
/// When nobody reads the output.
pub(crate) fn out(line: &str) -> anyhow::Result<()> {
    writeln!(anstream::stdout().lock(), "{line}")?;
    Ok(())
}

/// Prints a note about the connection, separate from the replies.
pub(crate) fn note(text: &str) {
    anstream::eprintln!("{text}");
}
