//! What a webhook's body is: the names that definitions use for it and the `Content-Type` that is sent.

/// The format of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Json,
    Html,
    Plain,
    Xml,
    TextXml,
}

impl Format {
    /// Every name, for the text of a fault.
    pub(crate) const NAMES: [&'static str; 10] = [
        "json",
        "html",
        "text",
        "plain",
        "xml",
        "application/json",
        "text/html",
        "text/plain",
        "application/xml",
        "text/xml",
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "json" | "application/json" => Self::Json,
            "html" | "text/html" => Self::Html,
            "text" | "plain" | "text/plain" => Self::Plain,
            "application/xml" => Self::Xml,
            "xml" | "text/xml" => Self::TextXml,
            _ => return None,
        })
    }

    /// The `Content-Type`, exactly as it is sent.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html",
            Self::Plain => "text/plain",
            Self::Xml => "application/xml",
            Self::TextXml => "text/xml",
        }
    }

    /// Whether text could pass for mark-up, so that values must be escaped.
    pub(crate) fn is_markup(self) -> bool {
        matches!(self, Self::Html | Self::Xml | Self::TextXml)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_content_type() {
        let types = Format::NAMES.map(|name| Format::parse(name).unwrap().content_type());
        assert_eq!(types[..5], ["application/json", "text/html", "text/plain", "text/plain", "text/xml"]);
        assert_eq!(types[5..], Format::NAMES[5..]);
        assert_eq!(Format::parse("bogus"), None);
    }
}
