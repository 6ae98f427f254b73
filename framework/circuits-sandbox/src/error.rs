//! The errors of starting and using a sandbox, as one opaque type.
use std::{fmt, io};

/// The result of a sandbox call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a sandbox could not do what it was asked to do.
///
/// The text names the thing, the place and the cure. To branch on the cause, use [`Error::is_not_loopback`] and its siblings.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Kind);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error(
        "the sandbox listens on loopback only, not on {0:?}: it has no protection against other people; \
         use 127.0.0.1, ::1 or localhost"
    )]
    NotLoopback(String),
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen { address: String, source: io::Error },
    #[error("cannot make the sandbox's certificates: {0}")]
    Certificate(String),
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: io::Error },
    #[error("there is no {what} {name:?}; {cure}")]
    Unknown { what: &'static str, name: String, cure: String },
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// True when the address asked for is not a loopback address.
    #[must_use]
    pub fn is_not_loopback(&self) -> bool {
        matches!(self.0, Kind::NotLoopback(_))
    }

    /// True when a port is taken or may not be used.
    #[must_use]
    pub fn is_listen(&self) -> bool {
        matches!(self.0, Kind::Listen { .. })
    }

    /// True when there is no rule, incident, destination or invocation of that name.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self.0, Kind::Unknown { .. })
    }

    /// True when the platform itself refuses the request; the text is the one its user would see.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.0, Kind::Refused(_))
    }

    pub(crate) fn unknown(what: &'static str, name: impl fmt::Display, cure: impl Into<String>) -> Self {
        Kind::Unknown { what, name: name.to_string(), cure: cure.into() }.into()
    }

    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Kind::Refused(text.into()).into()
    }
}
