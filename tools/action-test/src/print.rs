//! Where lines go: results to standard output, everything beside them to standard error.

use std::io::Write as _;

/// A line on standard output.
///
/// # Errors
/// When nobody reads it.
pub(crate) fn out(line: &str) -> anyhow::Result<()> {
    writeln!(anstream::stdout().lock(), "{line}")?;
    Ok(())
}

/// Something about the connection, beside the replies.
pub(crate) fn note(text: &str) {
    anstream::eprintln!("{text}");
}
