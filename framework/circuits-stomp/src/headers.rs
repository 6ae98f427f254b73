//! The headers of one delivery.

use std::fmt;

/// Values of these never appear in `Debug`: they grant access.
const SECRET: [&str; 3] = ["Co3ContextToken", "login", "passcode"];

/// Headers in the order they came, unescaped. Of a repeated name the first counts, as in the STOMP 1.2 specification.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of the first header with exactly this name; an empty value is `Some("")`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Every header as it came, repeated names included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl From<Vec<(String, String)>> for Headers {
    fn from(headers: Vec<(String, String)>) -> Self {
        Self(headers)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |name: &str| SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(name));
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, if secret(name) { "***" } else { value })))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&str, &str)]) -> Headers {
        list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into()
    }

    #[test]
    fn the_first_of_a_repeated_name_counts() {
        let headers = headers(&[("a", "1"), ("a", "2"), ("empty", "")]);
        assert_eq!(headers.get("a"), Some("1"));
        assert_eq!(headers.get("empty"), Some(""));
        assert_eq!(headers.get("A"), None);
        assert_eq!(headers.iter().count(), 3);
    }

    #[test]
    fn debug_hides_what_grants_access_and_nothing_else() {
        let text = format!(
            "{:?}",
            headers(&[("Co3ContextToken", "eyJ"), ("PASSCODE", "pw"), ("shipping-pin", "7")])
        );
        assert!(!text.contains("eyJ") && !text.contains("pw"), "{text}");
        assert!(text.contains("\"shipping-pin\": \"7\""), "{text}");
    }
}
