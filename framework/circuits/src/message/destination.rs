//! Names of message destinations on the wire: `actions.<org>.<programmatic name>`, with or without `/queue/`.

use std::fmt;

/// The three parts of a destination name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DestinationName {
    pub(crate) kind: String,
    pub(crate) org: String,
    /// May hold dots: only the first two separate.
    pub(crate) queue: String,
}

impl DestinationName {
    /// The name of an action destination of one org.
    pub(crate) fn actions(org: i64, queue: &str) -> Self {
        Self { kind: "actions".to_owned(), org: org.to_string(), queue: queue.to_owned() }
    }

    /// Reads a name in any form that a `destination` header has: `/queue/actions.201.x`, `/remote-temp-queue/...` or bare.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bare = if text.starts_with('/') { text.rsplit('/').next()? } else { text };
        let mut parts = bare.splitn(3, '.');
        let (kind, org, queue) = (parts.next()?, parts.next()?, parts.next()?);
        if [kind, org, queue].iter().any(|part| part.is_empty()) {
            return None;
        }
        Some(Self { kind: kind.to_owned(), org: org.to_owned(), queue: queue.to_owned() })
    }
}

impl fmt::Display for DestinationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.kind, self.org, self.queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_brokers_write_them() {
        let name = DestinationName::parse("/queue/actions.201.fn_main_mock_integration").unwrap();
        assert_eq!(
            (name.kind.as_str(), name.org.as_str(), name.queue.as_str()),
            ("actions", "201", "fn_main_mock_integration")
        );
        assert_eq!(name.to_string(), "actions.201.fn_main_mock_integration");
        let dotted = DestinationName::parse("inbound_destination.111.app.with_one_period").unwrap();
        assert_eq!(dotted.queue, "app.with_one_period");
        for bad in ["", "111.inbound_app_mock", "actions..x", "/queue/", "actions.201."] {
            assert_eq!(DestinationName::parse(bad), None, "{bad}");
        }
        assert_eq!(DestinationName::actions(201, "a.b").to_string(), "actions.201.a.b");
    }
}
