//! What can go wrong when a webhook's body is made from an event.

use std::fmt;

/// A body that could not be made; the text names the place in the payload.
#[derive(Debug)]
pub struct Error {
    text: String,
    source: Option<minijinja::Error>,
}

impl Error {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), source: None }
    }

    pub(crate) fn template(place: &str, error: minijinja::Error) -> Self {
        Self { text: format!("{place}: {}", reason(&error)), source: Some(error) }
    }

    pub(crate) fn of_webhook(self, name: &str) -> Self {
        Self { text: format!("webhook {name:?}, {}", self.text), ..self }
    }
}

/// What the template engine says, without the names that it gives to templates.
pub(crate) fn reason(error: &minijinja::Error) -> String {
    if error.kind() == minijinja::ErrorKind::OutOfFuel {
        return "the template does too much work; make its loops smaller".to_owned();
    }
    let line = error.line().filter(|line| *line > 1).map(|line| format!(" in line {line}"));
    let line = line.unwrap_or_default();
    match error.detail() {
        Some(detail) => format!("{}{line}: {detail}", error.kind()),
        None => format!("{}{line}", error.kind()),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
