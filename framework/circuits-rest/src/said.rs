//! What a refusal says, in one short line: the platform's own words, the title of a foreign web page, the target of a redirect.

use reqwest::header::{HeaderMap, LOCATION};
use serde_json::Value;

use crate::{Error, secret::Secrets};

/// The error for an answer that is not a success, without secrets.
pub(crate) fn refusal(status: u16, headers: &HeaderMap, body: &[u8], secrets: &Secrets) -> Error {
    let body = secrets.blank(&String::from_utf8_lossy(body));
    let said = if matches!(status, 301 | 302 | 303 | 307 | 308) {
        let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
        Said { message: secrets.blank(&redirect(location)).to_string(), hints: Vec::new() }
    } else {
        said(body.as_bytes())
    };
    Error::answer(status, said)
}

/// What the body of a refusal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

/// A web page or a dump is not a message; this much of it shows where it came from.
const LONGEST: usize = 400;

/// Reads the platform's error object (`message` or `title`, `hints`, `error_code`), or the beginning of any other text.
pub(crate) fn said(body: &[u8]) -> Said {
    if let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(body) {
        let text = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let mut message = text("message").or_else(|| text("title")).unwrap_or_default().to_owned();
        if let Some(code) = text("error_code").filter(|code| *code != "generic") {
            message = if message.is_empty() { code.to_owned() } else { format!("{message} ({code})") };
        }
        let hints = object.get("hints").and_then(Value::as_array).into_iter().flatten();
        let hints = hints.filter_map(Value::as_str).map(shorten).collect();
        return Said { message: shorten(&message), hints };
    }
    let text = String::from_utf8_lossy(body);
    Said { message: page(&text).unwrap_or_else(|| shorten(&text)), hints: Vec::new() }
}

/// What a web page calls itself; `None` if the text is not a web page. Servers in front of the platform (a proxy, a balancer,
/// a sign-in service) answer with pages, whose markup helps nobody.
pub(crate) fn page(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let start = lower.trim_start().trim_start_matches('\u{feff}');
    if !["<!doctype html", "<html", "<head", "<body", "<title"].iter().any(|tag| start.contains(tag)) {
        return None;
    }
    let inside = |tag: &str| {
        let from = lower.find(&format!("<{tag}"))?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find(&format!("</{tag}"))?;
        // Headings have markup of their own.
        let plain: String =
            text[from..to].split('<').map(|part| part.split_once('>').map_or(part, |it| it.1)).collect();
        Some(shorten(&plain)).filter(|title| !title.is_empty())
    };
    Some(match inside("title").or_else(|| inside("h1")) {
        Some(title) => format!("a web page titled '{title}'"),
        None => "a web page without a title".to_owned(),
    })
}

/// Where a redirect points, without its query, which may hold secrets.
fn redirect(location: Option<&str>) -> String {
    match location.map(|location| location.split(['?', '#']).next().unwrap_or_default()) {
        Some(target) if !target.is_empty() => format!("redirected to {}", shorten(target)),
        _ => "redirected, without saying where".to_owned(),
    }
}

/// One line of at most [`LONGEST`] characters.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bodies_become_one_short_line() {
        assert_eq!(said(b"Bad\n  \tGateway").message, "Bad Gateway");
        assert_eq!(said(&[b'x'; 9999]).message.chars().count(), LONGEST + 1);
        assert_eq!(said(b""), Said::default());
        assert_eq!(said(b"[1]").message, "[1]");
        assert_eq!(said(br#"{"title":"No","error_code":"locked"}"#).message, "No (locked)");
    }

    #[test]
    fn a_web_page_is_told_by_its_title() {
        let table = [
            (
                "<!DOCTYPE html>\n<html><head><TITLE>502 Bad\n Gateway</TITLE></head><body>..</body></html>",
                "a web page titled '502 Bad Gateway'",
            ),
            ("<html><body><h1 class=x>Sign <b>in</b></h1></body></html>", "a web page titled 'Sign in'"),
            ("<html><title></title><body>", "a web page without a title"),
            (
                "<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD'><html lang='en'><title lang='en'>\u{130}stanbul</title>",
                "a web page titled '\u{130}stanbul'",
            ),
            ("<html><title>never closed", "a web page without a title"),
        ];
        for (text, expected) in table {
            assert_eq!(said(text.as_bytes()).message, expected, "{text}");
        }
        assert_eq!(page("a <b>bold</b> word"), None);
    }

    #[test]
    fn a_redirect_is_told_by_its_target_without_the_query() {
        assert_eq!(
            redirect(Some("https://sso.example.com/login?ticket=s3cret")),
            "redirected to https://sso.example.com/login"
        );
        assert_eq!(redirect(Some("/setup#x")), "redirected to /setup");
        assert_eq!(redirect(None), "redirected, without saying where");
    }
}
