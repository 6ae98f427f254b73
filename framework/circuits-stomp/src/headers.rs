//! The headers of one delivery.

use std::fmt;

/// Values of these never appear in `Debug`: they grant access.
const SECRET: [&str; 3] = ["Co3ContextToken", "login", "passcode"];

/// Headers in the order they came, unescaped. Of a repeated name the first counts, as in the STOMP 1.2 specification.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// All names and values, one after the other.
    text: String,
    /// Where each name and its value end.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Empty, with room for this much text.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(bytes / 32) }
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let end = self.text.len();
        self.text.push_str(value);
        self.ends.push((end, self.text.len()));
    }

    /// The value of the first header with exactly this name; an empty value is `Some("")`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Every header as it came, repeated names included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |(name, value)| {
            let header = (&self.text[start..*name], &self.text[*name..*value]);
            start = *value;
            header
        })
    }
}

impl From<Vec<(String, String)>> for Headers {
    fn from(list: Vec<(String, String)>) -> Self {
        let mut headers = Self::default();
        list.iter().for_each(|(name, value)| headers.push(name, value));
        headers
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
