//! Settings that name files, URLs and headers.

use std::path::PathBuf;

use super::Reader;
use crate::config::values::{list, path};

impl Reader<'_> {
    pub(super) fn paths(&self, key: &str) -> Vec<PathBuf> {
        list(&self.text(key).unwrap_or_default()).map(|text| path(text, self.home)).collect()
    }

    /// A URL to which paths are appended.
    pub(super) fn url(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        let sound = text.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !sound || text.contains(['?', '#', '@']) {
            self.refuse(
                key,
                "must be a URL such as https://host.example.com:8443/path, without user, ? and #",
            );
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    pub(super) fn header_name(&mut self, key: &'static str) -> String {
        let text = self.text(key).unwrap_or_default();
        if http::HeaderName::from_bytes(text.as_bytes()).is_err() {
            self.refuse(key, "must be the name of an HTTP header");
        }
        text
    }
}
