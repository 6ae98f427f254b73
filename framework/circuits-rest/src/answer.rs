//! A complete answer of the platform, for code that records answers.

use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderMap;

use crate::Method;

/// One answer of the platform, also to a login, as [`Options::on_answer`](crate::Options::on_answer) reports it.
#[non_exhaustive]
pub struct Answer<'a> {
    /// The method.
    pub method: Method,
    /// The path of the URL.
    pub path: &'a str,
    /// The query of the URL; empty without one.
    pub query: &'a str,
    /// The status.
    pub status: u16,
    /// What was sent, if it was in one piece and not a secret.
    pub sent: Option<&'a [u8]>,
    /// The body; `None` when it is handed over piece by piece, as files are.
    pub body: Option<&'a [u8]>,
    pub(crate) headers: &'a HeaderMap,
}

impl Answer<'_> {
    /// The headers whose values are text.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }
}

impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies and headers may hold secrets.
        f.debug_struct("Answer")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The hook that is called with each answer, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Tap(pub(crate) Option<Hook>);

pub(crate) type Hook = Arc<dyn Fn(&Answer<'_>) + Send + Sync>;

impl Tap {
    pub(crate) fn tell(&self, answer: &Answer<'_>) {
        if let Some(hook) = &self.0 {
            hook(answer);
        }
    }
}
