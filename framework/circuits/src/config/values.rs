//! How the texts of app.config become numbers, booleans, lists and paths, as Python reads them.

use std::path::{Path, PathBuf};

use super::ini::is_space;

/// A whole number: surrounding space, a sign and single underscores between digits are allowed, as in Python's `int`.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim_matches(is_space);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let well_formed = !digits.is_empty()
        && digits
            .split('_')
            .all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    if !well_formed {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// True for 1, on and what begins with t or y; false for 0, off and what begins with f or n, as well as for nothing.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim_matches(is_space).to_lowercase();
    match text.as_str() {
        "on" => Some(true),
        "" | "off" => Some(false),
        other if other.starts_with(['1', 't', 'y']) => Some(true),
        other if other.starts_with(['0', 'f', 'n']) => Some(false),
        _ => None,
    }
}

/// The items of a list separated by commas or line ends, without the empty ones.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n']).map(|item| item.trim_matches(is_space)).filter(|item| !item.is_empty())
}

/// A path with a leading `~` replaced by the home directory.
pub(crate) fn path(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    }
}

/// A value as a message shows it: on one line and not too long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    let mut line: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().count() > LONGEST {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_python_reads_them() {
        for (text, number) in
            [("443", 443), (" 7 ", 7), ("+5", 5), ("-1", -1), ("20_000_000", 20_000_000), ("007", 7)]
        {
            assert_eq!(integer(text), Some(number), "{text}");
        }
        for text in ["", "-", "1_", "_1", "1__0", "1.0", "0x10", "ten", "99999999999999999999"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn booleans() {
        for text in ["1", "true", "True", "YES", "y", "on", "t", " ON "] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["0", "false", "No", "off", "", "F"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        assert_eq!(boolean("maybe"), None);
    }

    #[test]
    fn a_value_is_shown_on_one_line_as_it_was_written() {
        assert_eq!(shown(r#""C:\it's""#), r#""C:\it's""#);
        assert_eq!(shown("a\nb\u{1b}"), "a\\nb\\u{1b}");
        assert_eq!(shown(&"x".repeat(99)).chars().count(), 81);
    }

    #[test]
    fn lists_and_paths() {
        assert_eq!(list(" a, b,,\n c\n").collect::<Vec<_>>(), ["a", "b", "c"]);
        let home = Some(Path::new("/home/op"));
        assert_eq!(path("~/.resilient/ca.pem", home), Path::new("/home/op/.resilient/ca.pem"));
        assert_eq!(path("~", home), Path::new("/home/op"));
        assert_eq!(path("~other/x", home), Path::new("~other/x"));
        assert_eq!(path("~/x", None), Path::new("~/x"));
    }
}
