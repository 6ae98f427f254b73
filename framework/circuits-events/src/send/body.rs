//! What is read and kept of an answer's body.

use reqwest::Response;

/// So much is read, so that the connection can be used again after answers of a usual size; with a longer one
/// it is closed.
const READ: usize = 64 * 1024;
/// So much is kept, in bytes.
pub(crate) const KEPT: usize = 4 * 1024;

/// The beginning of the body. One that breaks off, or is not complete when the time is up, counts for what
/// came of it: its status has told the outcome.
pub(crate) async fn read(response: &mut Response) -> String {
    let mut body = Vec::new();
    while body.len() < READ
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(READ - body.len())]);
    }
    printable(&String::from_utf8_lossy(&body), KEPT)
}

/// At most `longest` bytes of a text, without characters that would break a line or drive a terminal.
pub(crate) fn printable(text: &str, longest: usize) -> String {
    let mut kept = String::new();
    for char in text.chars() {
        if kept.len() + char.len_utf8() > longest {
            break;
        }
        kept.push(if char.is_control() { ' ' } else { char });
    }
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters_and_drive_no_terminal() {
        let table = [
            ("no such hook", 99, "no such hook"),
            ("  no\r\nsuch\thook\u{1b}[2J\u{0}\n", 99, "no  such hook [2J"),
            ("abc", 2, "ab"),
            ("aéé", 4, "aé"),
            ("é", 1, ""),
            ("", 9, ""),
        ];
        for (text, longest, expected) in table {
            assert_eq!(printable(text, longest), expected, "{text:?}");
        }
    }
}
