//! One opaque error for everything that can go wrong between a handler and the platform: what was asked, what came back
//! in the platform's own words, what to do about it, and never a secret.

use std::{error::Error as StdError, fmt, sync::Arc};

use crate::{FieldConflict, Method, said::Said};

/// A call that did not succeed. Cheap to clone: a failed login goes to every caller that waits for it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    method: Option<Method>,
    path: String,
    status: Option<u16>,
    message: String,
    hints: Vec<String>,
    tries: u32,
    /// The proxy failed or refused, not the platform.
    proxy: bool,
    conflicts: Vec<FieldConflict>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The sort of failure, for the `is_*` questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The options or the arguments of a call cannot work.
    Invalid,
    CaFile,
    Certificate,
    Tls,
    /// No connection could be made.
    Connect,
    /// The connection ended before the answer.
    Lost,
    Timeout,
    Credentials,
    Session,
    Org,
    Status,
    Conflict,
    /// A write may or may not have happened.
    Unclear,
    /// The answer is not what was asked for.
    Body,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            method: None,
            path: String::new(),
            status: None,
            message: message.into(),
            hints: Vec::new(),
            tries: 1,
            proxy: false,
            conflicts: Vec::new(),
            source: None,
        }))
    }

    /// An answer that is not a success. Message and hints are the platform's, with secrets already blanked.
    pub(crate) fn answer(status: u16, body: Said) -> Self {
        let error = Self::new(Kind::Status, body.message).change(|inner| inner.status = Some(status));
        body.hints.into_iter().fold(error, Self::hint)
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    pub(crate) fn with_kind(self, kind: Kind) -> Self {
        self.change(|inner| inner.kind = kind)
    }

    /// Names the call. The query stays out: it may carry what users typed.
    pub(crate) fn at(self, method: Method, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default().to_owned();
        self.change(|inner| {
            inner.method = Some(method);
            inner.path = path;
        })
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        self.change(|inner| inner.hints.push(hint))
    }

    pub(crate) fn by_proxy(self) -> Self {
        self.change(|inner| inner.proxy = true)
    }

    pub(crate) fn tries(self, tries: u32) -> Self {
        self.change(|inner| inner.tries = tries)
    }

    pub(crate) fn with_conflicts(self, conflicts: Vec<FieldConflict>) -> Self {
        self.change(|inner| inner.conflicts = conflicts)
    }

    pub(crate) fn source_is(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.change(|inner| inner.source = Some(Arc::new(source)))
    }

    /// Puts `context` in front of the message.
    pub(crate) fn context(self, context: &str) -> Self {
        self.change(|inner| {
            inner.message = if inner.message.is_empty() {
                context.to_owned()
            } else {
                format!("{context}: {}", inner.message)
            };
        })
    }

    /// The HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The method of the call, such as `GET`, where there was a call.
    pub fn method(&self) -> Option<&'static str> {
        self.0.method.map(Method::as_str)
    }

    /// The path of the call without its query; empty where there was no call.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What happened, in the platform's words where it said something.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The platform's hints and ours.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// The fields that kept a patch from being made.
    pub fn conflicts(&self) -> &[FieldConflict] {
        &self.0.conflicts
    }

    /// No connection could be made, or it ended before the answer.
    pub fn is_connection(&self) -> bool {
        matches!(self.kind(), Kind::Connect | Kind::Lost)
    }

    /// The proxy on the way refused, could not be reached, or is set up wrong.
    pub fn is_proxy(&self) -> bool {
        self.0.proxy
    }

    /// TLS failed, or the check of a certificate did.
    pub fn is_tls(&self) -> bool {
        matches!(self.kind(), Kind::Tls | Kind::Certificate)
    }

    /// The platform's certificate did not verify: unknown authority, other host name, expired.
    pub fn is_certificate(&self) -> bool {
        self.kind() == Kind::Certificate
    }

    /// The CA file or the client certificate's files are missing or unreadable.
    pub fn is_cafile(&self) -> bool {
        self.kind() == Kind::CaFile
    }

    /// The platform refused the login: wrong key, user or password, or a locked account.
    pub fn is_credentials(&self) -> bool {
        self.kind() == Kind::Credentials
    }

    /// The platform refused a login from here (403): this address is banned, or the account is bound to other addresses.
    pub fn is_banned(&self) -> bool {
        self.kind() == Kind::Credentials && self.status() == Some(403)
    }

    /// The session was refused (401), and a new login did not help or was too soon to try.
    pub fn is_session(&self) -> bool {
        self.kind() == Kind::Session
    }

    /// The organisation is not named, not accessible, or not one of the account's.
    pub fn is_org(&self) -> bool {
        self.kind() == Kind::Org
    }

    /// Somebody else changed the object (409), also when [`Rest::update`](crate::Rest::update) gave up on it.
    pub fn is_conflict(&self) -> bool {
        self.kind() == Kind::Conflict || self.status() == Some(409)
    }

    /// There is no such object (404).
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// The time for the call ran out, or the deadline of the action passed.
    pub fn is_timeout(&self) -> bool {
        self.kind() == Kind::Timeout
    }

    /// A write was sent, its answer was lost, and what the platform shows now does not reveal whether it took place.
    pub fn is_unclear(&self) -> bool {
        self.kind() == Kind::Unclear
    }

    /// The options or the arguments of the call cannot work; repeating cannot help.
    pub fn is_invalid(&self) -> bool {
        self.kind() == Kind::Invalid
    }

    /// The answer came but is not of the type that was asked for.
    pub fn is_body(&self) -> bool {
        self.kind() == Kind::Body
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(method) = inner.method {
            write!(f, "{} {}: ", method.as_str(), inner.path)?;
        }
        if let Some(status) = inner.status {
            f.write_str(&status_name(status))?;
            if !inner.message.is_empty() {
                f.write_str(": ")?;
            }
        }
        f.write_str(&inner.message)?;
        if inner.tries > 1 {
            write!(f, " (after {} tries)", inner.tries)?;
        }
        for hint in &inner.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.0.kind).field("text", &self.to_string()).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

fn status_name(status: u16) -> String {
    let reason = reqwest::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    reason.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said::said;

    #[test]
    fn the_text_names_call_status_words_and_hints() {
        let body = br#"{"success":false,"message":"Unable to find object","hints":["Check the id"],"error_code":"generic"}"#;
        let error = Error::answer(404, said(body)).at(Method::Get, "/incidents/7?name=secret").tries(2);
        assert_eq!(
            error.to_string(),
            "GET /incidents/7: 404 Not Found: Unable to find object (after 2 tries)\n  hint: Check the id"
        );
        assert!(error.is_not_found() && !error.is_conflict());
        assert_eq!((error.status(), error.method(), error.path()), (Some(404), Some("GET"), "/incidents/7"));
    }
}
